"""Folders of photos to test with, and what an opened one holds."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pictures import picture

from keras_resnets.data import ImageData


def save(path: Path, seed: int) -> None:
    """A photo, another for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path)


def album(
    root: Path, classes: Iterable[str] = ("cat", "dog"), *, each: int = 12, start: int = 0
) -> Path:
    """So many photos in a folder a class."""
    for index, name in enumerate(classes):
        for number in range(each):
            save(root / name / f"{number}.png", start + 1000 * index + number)
    return root


def contents(data: ImageData, split: str) -> list[tuple[str, str]]:
    """The hash and the class of each photo, in order."""
    return [
        (hashlib.sha256(content).hexdigest(), data.class_names[label])
        for content, label in data.examples(split, decode=False).as_numpy_iterator()
    ]


def splits(data: ImageData) -> dict[str, set[tuple[str, str]]]:
    """The photos of each split that has any."""
    return {split: set(contents(data, split)) for split in data.sizes if data.sizes[split]}
