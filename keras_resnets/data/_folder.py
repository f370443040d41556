"""A folder of photos, classes by folder or by a file of labels: found, checked, split by content."""

import functools
import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_resnets.data._images import SPLITS, ImageData
from keras_resnets.data._labels import located, read_labels
from keras_resnets.data._layout import LAYOUT, layout_of
from keras_resnets.data._looks import Looks, kept_looks
from keras_resnets.data._splitting import Photo, completed
from keras_resnets.data._tree import (
    LeftOut,
    grouped,
    read_folder,
    readable,
    readable_path,
    visible,
)
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.photos import Look

if TYPE_CHECKING:
    import tensorflow as tf

UNREADABLE = "cannot be decoded"
MOST_UNREADABLE = 0.05  # of all photos; beyond, the folder itself is probably damaged
MOST_NAMED = 50  # files listed in one message


class Listed(NamedTuple):
    """A photo before it is read: where it belongs."""

    split: str
    class_names: tuple[str, ...]
    path: Path


class Labelled(NamedTuple):
    """The photos of a folder with their classes.

    Attributes:
        photos: The photos; in the split `"train"` where the folder is not divided.
        divided: Whether there are splits.
        class_names: Names of the classes, sorted.
        multi_label: Whether a photo has any number of them.
        passed_over: Files that are not used, with the reason.
    """

    photos: list[Listed]
    divided: bool
    class_names: tuple[str, ...]
    multi_label: bool
    passed_over: dict[Path, str]


def open_folder(folder: str, *, labels: str | None = None, everything: bool = False) -> ImageData:
    """`keras_resnets.data.open_data(folder=..., labels=...)`."""
    root = _root(folder)
    if labels is None:
        labelled = _by_folders(root, to_train=not everything)
    else:
        labelled = _by_file(root, Path(labels), to_train=not everything)
    names, multi_label = labelled.class_names, labelled.multi_label
    photos, problems = _checked(labelled.photos)
    left_out = grouped(
        root, [*dict.fromkeys(problems, UNREADABLE).items(), *labelled.passed_over.items()]
    )
    _report(root, problems, left_out, total=sum(map(len, photos.values())) + len(problems))
    splits, origins = _whole(photos, divided=labelled.divided) if everything else completed(photos)
    if not everything:
        _check_training(names, splits)
    return ImageData(
        name=readable(root.resolve().name),
        class_names=names,
        sizes={split: len(splits[split]) for split in SPLITS},
        source=_Source(splits, names, multi_label=multi_label),
        left_out=left_out,
        counts=_counts(splits, names),
        origins=origins,
        test_is_validation=bool(splits["test"]) and splits["test"] is splits["validation"],
        digest=_digest(splits, names, multi_label=multi_label),
        photos={split: tuple(splits[split]) for split in SPLITS},
        multi_label=multi_label,
    )


def class_names_of_folder(folder: str) -> tuple[str, ...]:
    """The classes of the folders in a folder."""
    return _by_folders(_root(folder), to_train=True).class_names


def _root(folder: str) -> Path:
    root = Path(folder)
    if not root.is_dir():
        raise MissingFile(
            f"{LAYOUT} Received: {readable(str(root))}, "
            f"{'a file' if root.exists() else 'which does not exist'}. "
            "If the photos were moved, say where they are now: --data FOLDER, or folder=…"
        )
    return root


def _by_folders(root: Path, *, to_train: bool) -> Labelled:
    """One folder a class."""
    tree, passed_over = read_folder(root)
    layout = layout_of(tree, to_train=to_train)
    photos = [
        Listed(split, (name,), path)
        for split, classes in layout.splits.items()
        for name, paths in classes.items()
        for path in paths
    ]
    return Labelled(
        photos,
        layout.divided,
        layout.class_names,
        multi_label=False,
        passed_over={**layout.passed_over, **passed_over},
    )


def _by_file(root: Path, path: Path, *, to_train: bool) -> Labelled:
    """As a file of labels says, in whatever folders the photos lie."""
    labels = read_labels(path)
    tree, passed_over = read_folder(root)
    found, unlisted = located(labels, root, tree, passed_over)
    photos = [Listed(row.split or "train", row.labels, photo) for photo, row in found]
    divided = any(row.split is not None for row in labels.rows)
    if to_train and "train" not in {photo.split for photo in photos}:
        raise UserError(
            f"Expected photos to train on in {path}. Received: none with `train` in the column `split`."
        )
    others = {file: why for file, why in passed_over.items() if not _is_same(file, path)}
    return Labelled(photos, divided, labels.class_names, labels.multi_label, {**others, **unlisted})


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


class _Source:
    """`keras_resnets.data._images.Source` of photos."""

    def __init__(
        self,
        splits: Mapping[str, Sequence[Photo]],
        class_names: Sequence[str],
        *,
        multi_label: bool,
    ):
        of_photos = _vectors if multi_label else _numbers
        self._files = {
            # The system's own bytes: a name need not be UTF-8.
            split: ([os.fsencode(p.path) for p in photos], of_photos(photos, class_names))
            for split, photos in splits.items()
        }

    def __call__(self, split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        import tensorflow as tf

        paths, labels = self._files[split]
        dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
        if shuffle_files:
            dataset = dataset.shuffle(len(paths))
        return dataset.map(
            lambda path, label: (tf.io.read_file(path), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=not shuffle_files,
        )


def _numbers(photos: Sequence[Photo], class_names: Sequence[str]) -> np.ndarray:
    """The number of each photo's one class, `(photos,)`."""
    numbers = {name: number for number, name in enumerate(class_names)}
    return np.array([numbers[photo.class_names[0]] for photo in photos], "int64")


def _vectors(photos: Sequence[Photo], class_names: Sequence[str]) -> np.ndarray:
    """1 for each class that a photo has, `(photos, classes)`."""
    numbers = {name: number for number, name in enumerate(class_names)}
    vectors = np.zeros((len(photos), len(class_names)), "uint8")
    for vector, photo in zip(vectors, photos, strict=True):
        vector[[numbers[name] for name in photo.class_names]] = 1
    return vectors


def _checked(listed: Sequence[Listed]) -> tuple[dict[str, list[Photo]], dict[Path, str]]:
    """Reads every file: the photos by split, and what is wrong with the others."""
    photos: dict[str, list[Photo]] = {split: [] for split in SPLITS}
    problems: dict[Path, str] = {}
    # Pillow decodes outside the interpreter lock.
    with kept_looks() as looks, ThreadPoolExecutor(os.cpu_count()) as pool:
        checked = pool.map(functools.partial(_check, looks=looks), (photo.path for photo in listed))
        for photo, (sha256, found) in zip(listed, checked, strict=True):
            if isinstance(found, Look):
                named = Photo(sha256, str(photo.path), photo.class_names, found)
                photos[photo.split].append(named)
            else:
                problems[photo.path] = found
    # An empty split is none.
    return {split: found for split, found in photos.items() if found or split == "train"}, problems


def _check(path: Path, looks: Looks) -> tuple[str, Look | str]:
    """The sha256 of a file, and what it looks like, or why it cannot be decoded."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", error.strerror or str(error)
    return looks.at(content)


def _whole(
    photos: dict[str, list[Photo]], *, divided: bool
) -> tuple[dict[str, list[Photo]], dict[str, str]]:
    """The splits as they are; all photos for the test where there are none."""
    if not divided:
        everything = sorted(photos["train"])
        splits, origins = {"test": everything}, {"test": "all photos"}
    else:
        splits = {split: sorted(found) for split, found in photos.items()}
        origins = dict.fromkeys(splits, "as given")
    if not any(splits.values()):
        raise UserError("Expected photos that can be decoded. Received: none.")
    if "test" not in splits and "validation" in splits:
        splits["test"], origins["test"] = splits["validation"], "the validation split again"
    return {split: splits.get(split, []) for split in SPLITS}, {
        split: origins.get(split, "not there") for split in SPLITS
    }


def _check_training(class_names: Sequence[str], splits: Mapping[str, Sequence[Photo]]) -> None:
    there = {name for photo in splits["train"] for name in photo.class_names}
    empty = sorted(set(class_names) - there)
    if empty:
        raise UserError(
            f"Expected a readable training photo in every class. Received: none in {empty}"
        )
    if not splits["validation"]:
        raise UserError(
            "Expected photos enough to keep some for validation: of some class two that are no copies "
            f"of each other. Received: {len(splits['train'])} photos of {len(class_names)} classes, "
            f"{len({photo.sha256 for photo in splits['train']})} of them different files. Add photos; "
            "a model is evaluated on so few with `everything`."
        )


def _counts(
    splits: Mapping[str, Sequence[Photo]], class_names: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    by_split = {
        split: Counter(name for photo in splits[split] for name in photo.class_names)
        for split in SPLITS
    }
    return {
        split: tuple(counts[name] for name in class_names) for split, counts in by_split.items()
    }


def _digest(
    splits: Mapping[str, Sequence[Photo]], class_names: Sequence[str], *, multi_label: bool
) -> str:
    contents = {
        split: [
            (photo.sha256, photo.class_names if multi_label else photo.class_names[0])
            for photo in splits[split]
        ]
        for split in SPLITS
    }
    return hashlib.sha256(json.dumps([class_names, contents]).encode()).hexdigest()


def _report(
    root: Path, problems: Mapping[Path, str], left_out: Sequence[LeftOut], total: int
) -> None:
    """One warning for all that people put there and that is not used; too many broken are an error."""
    named = [
        f"\n  {readable_path(path, root)}: {problem}" for path, problem in sorted(problems.items())
    ]
    more = len(named) - MOST_NAMED
    listed = "".join(named[:MOST_NAMED]) + (f"\n  and {more} more" if more > 0 else "")
    count = f"{len(problems)} of {total} photos"
    if len(problems) > MOST_UNREADABLE * total:
        raise UserError(
            f"Expected photos in {readable(str(root))} of which at most {MOST_UNREADABLE:.0%} are "
            f"unreadable. Received: {count} that cannot be decoded:{listed}"
        )
    others = [str(group) for group in visible(left_out) if group.reason != UNREADABLE]
    parts = [f"{count} that cannot be decoded:{listed}"] if problems else []
    parts += [f"further files: {'; '.join(others)}"] if others else []
    if parts:
        warnings.warn(f"Left out of {readable(str(root))} " + "\nand ".join(parts), stacklevel=4)
