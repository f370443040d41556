"""A folder of photos, one folder a class: found, checked, split by content."""

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets.data._images import SPLITS, ImageData
from keras_resnets.data._layout import LAYOUT, Layout, layout_of
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
from keras_resnets.photos import problem_of

if TYPE_CHECKING:
    import tensorflow as tf

UNREADABLE = "cannot be decoded"
MOST_UNREADABLE = 0.05  # of all photos; beyond, the folder itself is probably damaged
MOST_NAMED = 50  # files listed in one message


def open_folder(folder: str, *, everything: bool = False) -> ImageData:
    """`keras_resnets.data.open_data(folder=...)`."""
    root = Path(folder)
    if not root.is_dir():
        raise MissingFile(
            f"{LAYOUT} Received: {readable(str(root))}, "
            f"{'a file' if root.exists() else 'which does not exist'}. "
            "If the photos were moved, say where they are now: --data FOLDER, or folder=…"
        )
    tree, passed_over = read_folder(root)
    layout = layout_of(tree, to_train=not everything)
    photos, problems = _checked(layout)
    left_out = grouped(
        root,
        [
            *dict.fromkeys(problems, UNREADABLE).items(),
            *layout.passed_over.items(),
            *passed_over.items(),
        ],
    )
    _report(root, problems, left_out, total=sum(map(len, photos.values())) + len(problems))
    splits, origins = _whole(photos, layout) if everything else completed(photos)
    if not everything:
        _check_training(layout.class_names, splits)
    return ImageData(
        name=readable(root.resolve().name),
        class_names=layout.class_names,
        sizes={split: len(splits[split]) for split in SPLITS},
        source=_Source(splits, layout.class_names),
        left_out=left_out,
        counts=_counts(splits, layout.class_names),
        origins=origins,
        test_is_validation=bool(splits["test"]) and splits["test"] is splits["validation"],
        digest=_digest(splits, layout.class_names),
    )


class _Source:
    """`keras_resnets.data._images.Source` of photos."""

    def __init__(self, splits: Mapping[str, Sequence[Photo]], class_names: Sequence[str]):
        labels = {name: label for label, name in enumerate(class_names)}
        self._files = {
            # The system's own bytes: a name need not be UTF-8.
            split: ([os.fsencode(p.path) for p in photos], [labels[p.class_name] for p in photos])
            for split, photos in splits.items()
        }

    def __call__(self, split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        import tensorflow as tf

        paths, labels = self._files[split]
        dataset = tf.data.Dataset.from_tensor_slices((paths, tf.constant(labels, tf.int64)))
        if shuffle_files:
            dataset = dataset.shuffle(len(paths))
        return dataset.map(
            lambda path, label: (tf.io.read_file(path), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=not shuffle_files,
        )


def _checked(layout: Layout) -> tuple[dict[str, list[Photo]], dict[Path, str]]:
    """Reads every file: the photos by split, and what is wrong with the others."""
    files = [
        (split, name, path)
        for split, classes in layout.splits.items()
        for name, paths in classes.items()
        for path in paths
    ]
    photos: dict[str, list[Photo]] = {split: [] for split in layout.splits}
    problems: dict[Path, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter lock
        checked = pool.map(_check, (path for _, _, path in files))
        for (split, name, path), (sha256, problem) in zip(files, checked, strict=True):
            if problem is None:
                photos[split].append(Photo(sha256, str(path), name))
            else:
                problems[path] = problem
    # An empty split is none.
    return {split: found for split, found in photos.items() if found or split == "train"}, problems


def _check(path: Path) -> tuple[str, str | None]:
    """The sha256 of a file, and why it cannot be decoded."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", error.strerror or str(error)
    return hashlib.sha256(content).hexdigest(), problem_of(content)


def _whole(
    photos: dict[str, list[Photo]], layout: Layout
) -> tuple[dict[str, list[Photo]], dict[str, str]]:
    """The splits as they are; all photos for the test where there are none."""
    if not layout.divided:
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
    empty = sorted(set(class_names) - {photo.class_name for photo in splits["train"]})
    if empty:
        raise UserError(
            f"Expected a readable training photo in every class. Received: none in {empty}"
        )
    if not splits["validation"]:
        raise UserError(
            f"Expected photos enough to keep some for validation: more than one of some class. "
            f"Received: {len(splits['train'])} photos of {len(class_names)} classes. Add photos; a "
            "model is evaluated on so few with `everything`."
        )


def _counts(
    splits: Mapping[str, Sequence[Photo]], class_names: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    by_split = {split: Counter(photo.class_name for photo in splits[split]) for split in SPLITS}
    return {
        split: tuple(counts[name] for name in class_names) for split, counts in by_split.items()
    }


def _digest(splits: Mapping[str, Sequence[Photo]], class_names: Sequence[str]) -> str:
    contents = {
        split: [(photo.sha256, photo.class_name) for photo in splits[split]] for split in SPLITS
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
