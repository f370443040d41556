"""Splits that a folder does not have, chosen by the content of its photos."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple


class Photo(NamedTuple):
    """A photo that can be decoded, with its classes: one, or any number where it has labels.

    Photos sort by content: in an order that mixes the classes.
    """

    sha256: str
    path: str
    class_names: tuple[str, ...]

    @property
    def draw(self) -> float:
        """Uniform in [0, 1), the same for equal files."""
        return int(self.sha256[:13], 16) / 16**13


def split_by_content(
    photos: Sequence[Photo], shares: Sequence[tuple[str, float]]
) -> dict[str, list[Photo]]:
    """Splits photos by their content alone.

    A photo keeps its split when others come or go, and equal files share one. Only where a folder
    is so small that a class has no training photo or another split has none at all is the photo
    moved whose draw is nearest.

    Args:
        photos: The photos in any order.
        shares: Names and shares of the splits, the first of which is trained on.
    """
    train, *others = (name for name, _ in shares)
    of_content = {photo.sha256: _drawn(photo.draw, shares) for photo in photos}
    by_class: dict[str, set[str]] = defaultdict(set)
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        for name in photo.class_names:
            by_class[name].add(photo.sha256)
        classes[photo.sha256].update(photo.class_names)

    def trained_on(class_name: str) -> list[str]:
        return sorted(sha for sha in by_class[class_name] if of_content[sha] == train)

    for class_name in sorted(by_class):
        if not trained_on(class_name):
            of_content[min(by_class[class_name])] = train
    for split in others:
        if split in of_content.values():
            continue
        held = Counter(of_content.values())
        spare = [
            sha
            for sha, of in of_content.items()
            if of == train and all(len(trained_on(name)) > 1 for name in classes[sha])
        ] or [sha for sha, of in of_content.items() if of != train and held[of] > 1]
        if spare:
            of_content[max(spare)] = split
    return {
        split: sorted(photo for photo in photos if of_content[photo.sha256] == split)
        for split, _ in shares
    }


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
