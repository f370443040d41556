"""A folder of photos, one folder a class: found, checked, split by content."""

import hashlib
import io
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keras_resnets.data._images import SPLITS, ImageData
from keras_resnets.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif"})
LAYOUT = (
    "Expected a folder with one folder of photos a class, such as photos/cat/1.jpg and "
    "photos/dog/2.png, or such folders under photos/train, photos/validation and photos/test."
)
MOST_UNREADABLE = 0.05  # of all photos; beyond, the folder itself is probably damaged
MOST_NAMED = 50  # files listed in one message


class Photo(NamedTuple):
    """A photo that can be decoded. Photos sort by content: in an order that mixes the classes."""

    sha256: str
    path: str
    class_name: str

    @property
    def draw(self) -> float:
        """Uniform in [0, 1), the same for equal files."""
        return int(self.sha256[:13], 16) / 16**13


def open_folder(folder: str) -> ImageData:
    """`keras_resnets.data.open_data(folder=...)`."""
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(
            f"{LAYOUT} Received: {root}, {'a file' if root.exists() else 'which does not exist'}"
        )
    given = _given_splits(root)
    class_names = tuple(sorted(path.name for path in _folders(given["train"])))
    files = {split: _files(split_root, class_names) for split, split_root in given.items()}
    _check_classes(root, given["train"], class_names, files["train"])
    files = {split: found for split, found in files.items() if found}  # an empty one is not given

    photos, problems = _checked(root, files)
    _report(root, problems, total=sum(map(len, files.values())))
    splits = _complete(photos)
    _check_training(class_names, splits["train"])

    index = {name: label for label, name in enumerate(class_names)}

    def source(split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        import tensorflow as tf

        paths = [photo.path for photo in splits[split]]
        labels = [index[photo.class_name] for photo in splits[split]]
        dataset = tf.data.Dataset.from_tensor_slices((paths, tf.constant(labels, tf.int64)))
        if shuffle_files:
            dataset = dataset.shuffle(len(paths))
        return dataset.map(
            lambda path, label: (tf.io.read_file(path), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=not shuffle_files,
        )

    return ImageData(
        name=root.resolve().name,
        class_names=class_names,
        sizes={split: len(splits[split]) for split in SPLITS},
        source=source,
        left_out=tuple(problems),
    )


def split_by_content(
    photos: Sequence[Photo], shares: Sequence[tuple[str, float]]
) -> dict[str, list[Photo]]:
    """Splits photos by their content alone.

    A photo keeps its split when others come or go, and equal files share one. Only where a folder
    is so small that a class has no training photo or another split has none at all is the photo
    moved whose draw is nearest.

    Args:
        photos: In any order.
        shares: Names and shares of the splits, the first of which is trained on.
    """
    train, *others = (name for name, _ in shares)
    of_content = {photo.sha256: _drawn(photo.draw, shares) for photo in photos}
    by_class: dict[str, set[str]] = defaultdict(set)
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        by_class[photo.class_name].add(photo.sha256)
        classes[photo.sha256].add(photo.class_name)

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


def _complete(given: dict[str, list[Photo]]) -> dict[str, list[Photo]]:
    """Makes the splits that the folder does not have, by the rule of `open_data`."""
    if len(given) == 1:
        return split_by_content(
            given["train"], [("train", 0.8), ("validation", 0.1), ("test", 0.1)]
        )
    splits = {split: sorted(photos) for split, photos in given.items()}
    if "validation" not in splits:
        splits |= split_by_content(given["train"], [("train", 0.9), ("validation", 0.1)])
    return {"test": splits["validation"], **splits}


def _given_splits(root: Path) -> dict[str, Path]:
    """The folders of the splits; the whole folder is `train` where it is not divided."""
    names = {path.name for path in _folders(root)}
    if "train" not in names or not any(_folders(root / "train")):
        return {"train": root}
    folders = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
    if names - set(folders) or {"validation", "val"} <= names:
        raise UserError(
            f"{LAYOUT} Received: {root}, which has train, and beside it {sorted(names - {'train'})}"
        )
    return {folders[name]: root / name for name in sorted(names)}


def _folders(root: Path) -> Iterator[Path]:
    return (path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(split_root: Path, class_names: Sequence[str]) -> dict[Path, str]:
    """The files of a split, each with its class: those with the suffix of an image, none hidden."""
    unknown = {path.name for path in _folders(split_root)} - set(class_names)
    if unknown:
        raise UserError(
            f"Expected the classes of train in {split_root} too: {list(class_names)}. "
            f"Received also: {sorted(unknown)}"
        )
    return {path: name for name in class_names for path in sorted(_photos_under(split_root / name))}


def _photos_under(class_folder: Path) -> Iterator[Path]:
    return (path for path in _visible(class_folder) if path.suffix.lower() in SUFFIXES)


def _visible(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _check_classes(
    root: Path, train: Path, class_names: Sequence[str], files: dict[Path, str]
) -> None:
    if len(class_names) < 2:
        beside = sum(path.suffix.lower() in SUFFIXES for path in train.iterdir())
        raise UserError(
            f"{LAYOUT} At least two classes are needed. Received: {train} with "
            f"{len(class_names)} folders {list(class_names)} and {beside} photos beside them"
        )
    sizes = Counter(files.values())
    empty = [name for name in class_names if not sizes[name]]
    if not empty:
        return
    others = Counter(
        path.suffix.lower() for name in empty for path in _visible(train / name) if path.suffix
    )
    raise UserError(
        f"Expected photos ({', '.join(sorted(SUFFIXES))}) in every class of {root}. "
        f"Received: no photos in {empty}"
        + "".join(f", {count} files named *{suffix}" for suffix, count in sorted(others.items()))
    )


def _check_training(class_names: Sequence[str], train: Sequence[Photo]) -> None:
    empty = sorted(set(class_names) - {photo.class_name for photo in train})
    if empty:
        raise UserError(
            f"Expected a readable training photo in every class. Received: none in {empty}"
        )


def _checked(
    root: Path, files: dict[str, dict[Path, str]]
) -> tuple[dict[str, list[Photo]], dict[str, str]]:
    """Reads every file: the photos by split, and what is wrong with the others by their name."""
    photos: dict[str, list[Photo]] = {}
    problems: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes outside the interpreter lock
        for split, classes in files.items():
            photos[split] = []
            for (path, class_name), (sha256, problem) in zip(
                classes.items(), pool.map(_check, classes), strict=True
            ):
                if problem is None:
                    photos[split].append(Photo(sha256, str(path), class_name))
                else:
                    problems[str(path.relative_to(root))] = problem
    return photos, problems


def _check(path: Path) -> tuple[str, str | None]:
    """The sha256 of a file, and why it cannot be decoded."""
    from PIL import Image, UnidentifiedImageError

    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            kind = image.format
            image.draft("RGB", (1, 1))  # a JPEG is read whole, but at an eighth of its size
            image.load()
        if kind == "PNG":
            # TensorFlow's decoder wants the checksums and the end that Pillow does without.
            with Image.open(io.BytesIO(content)) as image:
                image.verify()
            if b"IEND\xaeB`\x82" not in content:
                return "", "image file is truncated"
    except UnidentifiedImageError:
        return "", "not an image"
    except Exception as error:  # Pillow's decoders raise whatever broken bytes lead them to.
        return "", str(error) or repr(error)
    return hashlib.sha256(content).hexdigest(), None


def _report(root: Path, problems: dict[str, str], total: int) -> None:
    if not problems:
        return
    named = [f"\n  {name}: {problem}" for name, problem in sorted(problems.items())]
    more = len(named) - MOST_NAMED
    listed = "".join(named[:MOST_NAMED]) + (f"\n  and {more} more" if more > 0 else "")
    count = f"{len(problems)} of {total} files"
    if len(problems) > MOST_UNREADABLE * total:
        raise UserError(
            f"Expected photos in {root} of which at most {MOST_UNREADABLE:.0%} are unreadable. "
            f"Received: {count} that cannot be decoded:{listed}"
        )
    warnings.warn(f"Left out {count} in {root} that cannot be decoded:{listed}", stacklevel=4)
