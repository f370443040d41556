"""Photos that are copies of one another, though their files differ: bursts, crops, other qualities."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from keras_resnets.photos.looking import Look

BLOCK = 16  # photos that are compared with all others at a time: what a processor's cache holds
WAITING = 100_000  # pairs that are found before groups are joined
MOST_COMPARED = 200_000  # photos; the time grows with the square of their number
SMALL_GROUP = 10


class Likeness(NamedTuple):
    """How far two photos may be apart to be near duplicates.

    Attributes:
        bits: Most bits in which their hashes differ, of 64.
        difference: Most that is left of the thumbnails' contrast where they are laid over each other:
            1 less their correlation, over all pixels and channels.
    """

    bits: int
    difference: float


# The hash alone knows no colours, and takes things of like shape on white for each other. How both
# limits were found: docs/photos.md. The stricter ones are for photos that all look alike.
NEAR = (Likeness(10, 0.03), Likeness(4, 0.01), Likeness(2, 0.003))


def near_duplicates(looks: Sequence[Look], classes: Sequence[Hashable]) -> list[list[int]]:
    """Groups of photos, each of which is a near duplicate of another one in its group.

    Mirror images of one class count, those of two classes do not: they may be what tells the classes
    apart. Blank photos have no copies. Where more than a tenth of all photos would be one group, as
    they are where a camera stands still, the limits are drawn tighter there.

    Args:
        looks: The photos. Beyond 200,000 nothing is compared.
        classes: The class of each, or its classes.

    Returns:
        Groups of two and more, as sorted indices of the photos, sorted.
    """
    shown = np.array([index for index, look in enumerate(looks) if not look.is_blank], np.int64)
    if not 2 <= len(shown) <= MOST_COMPARED:
        return []
    album = _Album.of([looks[index] for index in shown], [classes[index] for index in shown])
    most = max(SMALL_GROUP, len(looks) // 10)
    groups = []
    candidates = [np.arange(len(shown))]
    for likeness in NEAR:
        found = [group for members in candidates for group in album.groups(members, likeness)]
        groups += [group for group in found if len(group) <= most]
        candidates = [group for group in found if len(group) > most]
    return sorted(shown[group].tolist() for group in groups)


def difference(one: Look, other: Look) -> float:
    """What is left of two thumbnails' contrast where they are laid over each other, from 0 to 2.

    Example:
        >>> look = Look(8, 8, "PNG", 0, 0, bytes(range(192)), 64.0, 1.0)
        >>> round(difference(look, look), 6)
        0.0
    """
    pixels = _normalized([one.thumbnail, other.thumbnail])
    return float(1 - pixels[0] @ pixels[1])


class _Side(NamedTuple):
    """What is compared of photos, as they are or mirrored: a row each."""

    hashes: np.ndarray
    pixels: np.ndarray


class _Album(NamedTuple):
    """Photos to be compared."""

    seen: _Side
    mirrored: _Side
    labels: np.ndarray

    @classmethod
    def of(cls, looks: Sequence[Look], classes: Sequence[Hashable]) -> "_Album":
        pixels = _normalized([look.thumbnail for look in looks])
        numbers = {name: number for number, name in enumerate(dict.fromkeys(classes))}
        return cls(
            _Side(np.array([look.hash for look in looks], np.uint64), pixels),
            _Side(np.array([look.mirrored for look in looks], np.uint64), _mirrored(pixels)),
            np.array([numbers[name] for name in classes]),
        )

    def groups(self, members: np.ndarray, likeness: Likeness) -> list[np.ndarray]:
        """The groups of two and more among some of the photos."""
        group_of = np.arange(len(members))
        waiting = [np.empty((2, 0), np.int64)]
        for start in range(0, len(members), BLOCK):
            rows, columns = members[start : start + BLOCK, None], members[None, start:]
            for side in (self.seen, self.mirrored):
                bits = np.bitwise_count(self.seen.hashes[rows] ^ side.hashes[columns])
                close = np.flatnonzero(bits <= likeness.bits)
                pairs = np.array(np.divmod(close, columns.size)) + start
                one, other = group_of[pairs]
                pairs = pairs[:, one != other]
                one, other = members[pairs]
                if side is self.mirrored:
                    pairs = pairs[:, self.labels[one] == self.labels[other]]
                waiting.append(pairs[:, self._alike(members[pairs], side, likeness)])
            if sum(pairs.shape[1] for pairs in waiting) > WAITING:
                group_of, waiting = _joined(group_of, waiting), waiting[:1]
        group_of = _joined(group_of, waiting)
        order = np.argsort(group_of, kind="stable")
        ends = np.flatnonzero(np.diff(group_of[order])) + 1
        return [members[group] for group in np.split(order, ends) if len(group) > 1]

    def _alike(self, pairs: np.ndarray, side: _Side, likeness: Likeness) -> np.ndarray:
        """Which pairs have thumbnails that are alike."""
        alike = np.empty(pairs.shape[1], bool)
        for start in range(0, len(alike), WAITING):
            part = slice(start, start + WAITING)
            one, other = pairs[:, part]
            products = np.einsum("ij,ij->i", self.seen.pixels[one], side.pixels[other])
            alike[part] = 1 - products <= likeness.difference
        return alike


def _joined(group_of: np.ndarray, pairs: Sequence[np.ndarray]) -> np.ndarray:
    """Groups after further pairs have been found."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, other = group_of[np.concatenate(pairs, axis=1)]
    count = len(group_of)
    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    return np.asarray(group[group_of])


def _normalized(thumbnails: Sequence[bytes]) -> np.ndarray:
    """Thumbnails as vectors whose products are correlations."""
    pixels = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(len(thumbnails), -1)
    values: np.ndarray = pixels - pixels.mean(1, keepdims=True, dtype=np.float32)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1)
    return values


def _mirrored(pixels: np.ndarray) -> np.ndarray:
    side = round((pixels.shape[1] / 3) ** 0.5)
    rows = pixels.reshape(len(pixels), side, side, 3)
    return np.ascontiguousarray(rows[:, :, ::-1]).reshape(pixels.shape)
