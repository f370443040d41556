"""Which folders are splits, which are classes, and which are neither."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_resnets.data._tree import Folder
from keras_resnets.errors import UserError
from keras_resnets.photos import FORMATS

LAYOUT = (
    "Expected a folder with one folder of photos a class, such as photos/cat/1.jpg and "
    "photos/dog/2.png, or such folders under photos/train, photos/validation and photos/test."
)
UNLABELLED = "unlabelled"
WORDS = {
    "train": "train training trn",
    "validation": "validation valid val validate validating dev development",
    "test": "test testing tests tst eval evaluation holdout",
    UNLABELLED: "pred predict prediction predictions unlabelled unlabeled",
}
SPLIT_OF = {word: split for split, words in WORDS.items() for word in words.split()}
# What people write before or after such a word: trainset, seg_train, test_images.
DECORATION = re.compile(
    r"^(the|my|seg|img|image|images|data|dataset)|"
    r"(set|sets|data|dataset|img|imgs|image|images|photos|pics|pictures|split|folder|files)$"
)


class Layout(NamedTuple):
    """The photos of a folder, found by their folders.

    Attributes:
        splits: Photos by split, then by class; one called `"train"` where the folder is not
            divided.
        divided: Whether the folder has splits of its own.
        class_names: Names of the classes of the training photos, or of all where there are none;
            sorted.
        passed_over: Photos that lie in no class, with the reason.
    """

    splits: dict[str, dict[str, list[Path]]]
    divided: bool
    class_names: tuple[str, ...]
    passed_over: dict[Path, str]


def layout_of(root: Folder, *, to_train: bool) -> Layout:
    """The layout of a folder.

    Args:
        root: The folder as it was read.
        to_train: Whether every class needs photos to train on.

    Raises:
        UserError: Where folders are neither splits nor classes, with what was seen and the way out.
    """
    place = _unwrapped(root)
    passed_over: dict[Path, str] = {}
    given = _given_splits(place, passed_over)
    divided = given is not None
    folders = given or {"train": place}
    if to_train and "train" not in folders:
        raise UserError(
            f"{LAYOUT} Received: {place.path} with {sorted(folder.name for folder in place.filled)}, "
            "and no training photos. Call their folder `train`."
        )
    splits = {}
    for split, folder in folders.items():
        classes = _classes(folder, keep_empty=to_train and split == "train")
        passed_over |= dict.fromkeys(folder.photos, "beside the class folders")
        splits[split] = {name: found.all_photos for name, found in classes.items()}
    names = sorted(splits["train"] if "train" in splits else set().union(*splits.values()))
    if to_train:
        _check_classes(folders["train"], splits, names)
    elif not names:
        _refuse_without_classes(place, names, 1)
    return Layout(splits, divided, tuple(names), passed_over)


def split_of(name: str) -> str | None:
    """The split that people call so, or `None`.

    Example:
        >>> split_of("Training"), split_of("seg_test"), split_of("VALSET"), split_of("trains")
        ('train', 'test', 'validation', None)
    """
    word = re.sub(r"[^a-z]", "", name.lower())
    while word not in SPLIT_OF:
        shorter = DECORATION.sub("", word)
        if shorter == word:
            return None
        word = shorter
    return SPLIT_OF[word]


def _unwrapped(folder: Folder) -> Folder:
    """The folder inside, where there is nothing but one that holds further folders."""
    while not folder.photos and len(folder.filled) == 1:
        (inner,) = folder.filled
        if split_of(inner.name) or not inner.filled or len(folder.folders) > 1:
            return folder
        folder = inner
    return folder


def _given_splits(place: Folder, passed_over: dict[Path, str]) -> dict[str, Folder] | None:
    """The folders of the splits; `None` where the folder is not divided."""
    named = {folder.path: split_of(folder.name) or "" for folder in place.filled}
    splits = [folder for folder in place.filled if named[folder.path]]
    divided = [folder for folder in splits if folder.filled]
    if not divided:
        if len(splits) > 1 or (splits and len(place.filled) == 1):
            raise UserError(
                f"{LAYOUT} Received: {place.path} with {_listed(splits)}, whose photos lie in no "
                "folder of a class."
            )
        return None
    flat = [folder for folder in splits if not folder.filled]
    others = [folder for folder in place.filled if not named[folder.path]]
    counts = Counter(named[folder.path] for folder in divided)
    twice = [folder for folder in divided if counts[named[folder.path]] > 1]
    labelled = [folder for folder in flat if named[folder.path] in ("train", "validation")]
    if others or twice or labelled:
        first = next((f.name for f in divided if named[f.path] == "train"), divided[0].name)
        wrong = others + [folder for folder in twice if folder.name != first] + labelled
        raise UserError(
            f"{LAYOUT} Received: {place.path}, which has {first}, and beside it {_listed(wrong)}. "
            "Move away what is no split, have one folder for each split, and one for each class in it."
        )
    unlabelled = [*flat, *(f for f in divided if named[f.path] == UNLABELLED)]
    for folder in unlabelled:
        passed_over |= dict.fromkeys(folder.all_photos, f"without a class, in {folder.name}")
    passed_over |= dict.fromkeys(place.photos, "beside the splits")
    found = {named[f.path]: _unwrapped_split(f) for f in divided if f not in unlabelled}
    return {split: found[split] for split in ("train", "validation", "test") if split in found}


def _unwrapped_split(folder: Folder) -> Folder:
    """`seg_train/seg_train/cat`: a split in a folder of the same name."""
    while not folder.photos and len(folder.filled) == 1:
        (inner,) = folder.filled
        if not inner.filled:
            return folder
        folder = inner
    return folder


def _classes(place: Folder, *, keep_empty: bool) -> dict[str, Folder]:
    """The class folders by the name of the class."""
    folders = place.folders if keep_empty else place.filled
    classes: dict[str, Folder] = {}
    for folder in folders:
        if folder.name in classes:
            raise UserError(
                f"Expected one folder a class in {place.path}. Received: two that are both called "
                f"{folder.name!r}, written with other bytes. Rename one, or put them together."
            )
        classes[folder.name] = folder
    _check_one_level(place, classes.values())
    return classes


def _check_one_level(place: Folder, classes: Iterable[Folder]) -> None:
    """Refuses folders that look like groups of classes.

    Sub-folders that classes have in common, such as cat/images and dog/images, part their photos.
    """
    deep = [folder for folder in classes if folder.filled and not folder.photos]
    shared = Counter(inner.name for folder in deep for inner in folder.filled)
    groups = [folder for folder in deep if any(shared[inner.name] < 2 for inner in folder.filled)]
    if groups:
        seen = [f"{folder.name}/{inner.name}" for folder in groups for inner in folder.filled]
        raise UserError(
            f"{LAYOUT} Received: {place.path} with folders in folders, and it cannot be told which "
            f"are the classes: {_shortened(seen)}. Move the class folders up into one folder, or the "
            "photos out of the folders that are no classes."
        )


def _check_classes(
    place: Folder, splits: dict[str, dict[str, list[Path]]], names: Sequence[str]
) -> None:
    if len(names) < 2:
        _refuse_without_classes(place, names, 2)
    for split, classes in splits.items():
        unknown = sorted(set(classes) - set(names))
        if unknown:
            raise UserError(
                f"Expected the classes of train in {split} too: {_shortened(names)}. "
                f"Received also: {_shortened(unknown)}"
            )
    empty = [name for name in names if not splits["train"][name]]
    if empty:
        suffixes = sorted(suffix for known in FORMATS for suffix in known.suffixes)
        raise UserError(
            f"Expected photos ({', '.join(suffixes)}) in every class of {place.path}. "
            f"Received: no photos in {_shortened(empty)}. Remove the folders that are no classes."
        )


def _refuse_without_classes(place: Folder, names: Sequence[str], least: int) -> None:
    raise UserError(
        f"{LAYOUT} At least {('one class is', 'two classes are')[least - 1]} needed. Received: "
        f"{place.path} with {len(names)} folders {_shortened(names)} and {len(place.photos)} photos "
        "beside them"
    )


def _listed(folders: Iterable[Folder]) -> str:
    return _shortened(sorted(folder.name for folder in folders))


def _shortened(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{list(names[:most])}{more}"
