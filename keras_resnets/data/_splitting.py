"""Splits that a folder does not have, chosen by the content of its photos."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from keras_resnets.photos import Look, near_duplicates


class Photo(NamedTuple):
    """A photo that can be decoded. Photos sort by content: in an order that mixes the classes.

    Attributes:
        sha256: Hash of the file's content, in hexadecimal.
        path: The file's path, with which the system opens it.
        class_names: Names of its classes: one, or any number where it has labels.
        look: What it looks like at a glance.

    Example:
        >>> look = Look(20, 30, "PNG", 0, 0, bytes(192), contrast=0.0, sharpness=0.0)
        >>> first = Photo("0" * 64, "dog/7.png", ("dog",), look)
        >>> sorted([Photo("f" * 64, "cat/1.png", ("cat",), look), first])[0].class_names
        ('dog',)
    """

    sha256: str
    path: str
    class_names: tuple[str, ...]
    look: Look


class _Group(NamedTuple):
    """Contents that share a split, since they are copies of one another; most are alone.

    A group sorts, and is drawn, as one of its contents, chosen by the other end of the hashes: so large
    groups are drawn as fairly as single photos.
    """

    sha256: str
    contents: frozenset[str]
    class_names: frozenset[str]

    @property
    def draw(self) -> float:
        """Uniform in [0, 1), the same for equal files."""
        return int(self.sha256[:13], 16) / 16**13


def split_by_content(
    photos: Sequence[Photo], shares: Sequence[tuple[str, float]]
) -> dict[str, list[Photo]]:
    """Splits photos by their content alone.

    A photo keeps its split when others come or go that are no copies of it, and near duplicates share
    one. Only where a folder is so small that a class has no training photo, or that another split has
    none of a class, is the photo moved whose draw is nearest; the last one of a class stays.

    Args:
        photos: The photos in any order.
        shares: Names and shares of the splits, the first of which is trained on.
    """
    train, *others = (name for name, _ in shares)
    groups = _groups(photos)
    split_of = {group: _drawn(group.draw, shares) for group in groups}
    by_class: dict[str, list[_Group]] = defaultdict(list)
    for group in groups:
        for name in sorted(group.class_names):
            by_class[name].append(group)

    def count(class_name: str, split: str) -> int:
        return sum(split_of[group] == split for group in by_class[class_name])

    def spare(group: _Group) -> bool:
        """Whether its split keeps another of each of its classes."""
        return all(count(name, split_of[group]) > 1 for name in group.class_names)

    for class_name in sorted(by_class):
        if not count(class_name, train):
            split_of[by_class[class_name][0]] = train
    for split in others:
        for class_name in sorted(by_class):
            found = [] if count(class_name, split) else list(filter(spare, by_class[class_name]))
            if found:
                split_of[max(found, key=lambda group: (split_of[group] == train, group))] = split
    for split in others:
        held = Counter(split_of.values())
        if not held[split] and held.total() > held[train] + 1:
            split_of[max(group for group in groups if split_of[group] != train)] = split
    by_content = {sha: split for group, split in split_of.items() for sha in group.contents}
    return {
        split: sorted(photo for photo in photos if by_content[photo.sha256] == split)
        for split, _ in shares
    }


def _groups(photos: Sequence[Photo]) -> list[_Group]:
    classes: dict[str, set[str]] = defaultdict(set)
    looks: dict[str, Look] = {}
    for photo in photos:
        classes[photo.sha256].update(photo.class_names)
        looks[photo.sha256] = photo.look
    contents = sorted(classes)
    near = near_duplicates(
        [looks[sha] for sha in contents], [tuple(sorted(classes[sha])) for sha in contents]
    )
    together = [[contents[index] for index in group] for group in near]
    alone = set(contents).difference(*together)
    return sorted(
        _Group(
            min(group, key=lambda sha: sha[::-1]),
            frozenset(group),
            frozenset().union(*(classes[sha] for sha in group)),
        )
        for group in [*together, *([sha] for sha in alone)]
    )


def _drawn(draw: float, shares: Sequence[tuple[str, float]]) -> str:
    upper = 0.0
    for split, share in shares[:-1]:
        upper += share
        if draw < upper:
            return split
    return shares[-1][0]


def completed(
    given: dict[str, list[Photo]],
) -> tuple[dict[str, list[Photo]], dict[str, str]]:
    """Makes the splits that a folder does not have, by the rule of `open_data`.

    Returns:
        The splits, and where each comes from.
    """
    if len(given) == 1:
        shares = [("train", 0.8), ("validation", 0.1), ("test", 0.1)]
        drawn = "a tenth of all, chosen by content"
        origins = {"train": "the rest of all", "validation": drawn, "test": drawn}
        return split_by_content(given["train"], shares), origins
    splits = {split: sorted(photos) for split, photos in given.items()}
    origins = dict.fromkeys(splits, "as given")
    if "validation" not in splits:
        splits |= split_by_content(given["train"], [("train", 0.9), ("validation", 0.1)])
        origins |= {
            "train": "the rest of train",
            "validation": "a tenth of train, chosen by content",
        }
    if "test" not in splits:
        splits["test"], origins["test"] = splits["validation"], "the validation split again"
    return splits, origins
