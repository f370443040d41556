"""What may be wrong with photos: a function a kind, each of which says what to do about it."""

import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_resnets._common.console import on_one_line
from keras_resnets.data import ImageData, Photo
from keras_resnets.photos import near_duplicates

FEW = 10  # photos of a class, below which little can be learned or said of it
UNBALANCED = 3.0  # times as many photos of the largest class as of the smallest
TINY = 32  # pixels of the shorter side, where most photos have twice as many
TINY_SHARE = 8  # where most photos are large, this part of theirs
MOST_NAMED = 3  # groups, and photos of each


class Place(NamedTuple):
    """Where a photo lies.

    Attributes:
        path: Path from the folder that was examined, as text that can be printed on one line.
        class_names: Names of its classes.
        split: Its split: `"train"`, `"validation"` or `"test"`.
        file: Path with which the system opens it.
    """

    path: str
    class_names: tuple[str, ...]
    split: str
    file: str


class Finding(NamedTuple):
    """Something to look at.

    Attributes:
        kind: What it is, in a word.
        about: A sentence with numbers.
        advice: What to do.
        groups: The photos that it is about: copies of one another are one group.
    """

    kind: str
    about: str
    advice: str
    groups: tuple[tuple[Place, ...], ...] = ()

    def examples(self) -> str:
        """The first of the photos by name; empty where it is about none."""
        listed = [" = ".join(place.path for place in group[:MOST_NAMED]) for group in self.groups]
        more = len(listed) - MOST_NAMED
        return "; ".join(listed[:MOST_NAMED]) + (f"; and {more:,} more" if more > 0 else "")


class Seen(NamedTuple):
    """A photo, and where it lies."""

    photo: Photo
    place: Place


def find(data: ImageData, seen: Sequence[Seen]) -> list[Finding]:
    """All findings, the worst first.

    Args:
        data: The images as they were opened.
        seen: The photos of its splits.
    """
    found = [
        *_of_copies(_copies(seen)),
        *_of_looks(seen),
        *_of_names(data.class_names, seen),
        *_of_counts(data),
    ]
    return [finding for finding in found if finding is not None]


def _copies(seen: Sequence[Seen]) -> list[list[Seen]]:
    """Groups of equal files and near duplicates, two photos and more each."""
    by_content: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        by_content[one.photo.sha256].append(one)
    contents = list(by_content.values())
    looks = [same[0].photo.look for same in contents]
    near = near_duplicates(looks, [same[0].photo.class_names for same in contents])
    grouped = {index for group in near for index in group}
    together = [[one for index in group for one in contents[index]] for group in near]
    alone = [same for index, same in enumerate(contents) if index not in grouped]
    return [group for group in [*together, *alone] if len(group) > 1]


def _of_copies(copies: Sequence[Sequence[Seen]]) -> Iterator[Finding | None]:
    of: dict[str, list[Sequence[Seen]]] = defaultdict(list)
    for group in copies:
        class_names = {one.place.class_names for one in group}
        splits = {one.place.split for one in group}
        if len(class_names) > 1:
            of["labels"].append(group)
        if len(splits) > 1:
            of["splits"].append(group)
        if len(class_names) == len(splits) == 1:
            contents = {one.photo.sha256 for one in group}
            of["equal" if len(contents) == 1 else "near"].append(group)
    yield _finding(
        "labels",
        of["labels"],
        "{groups} of copies are in different classes",
        "Keep each photo in the class that is right, and delete the others: they teach the contrary "
        "of each other.",
    )
    yield _finding(
        "splits",
        of["splits"],
        "{groups} of copies are in different splits",
        "Move the copies of a photo into one split: what was trained on measures nothing.",
    )
    yield _finding(
        "equal",
        of["equal"],
        "{groups} of equal files",
        "Delete all but one of each, unless they are to count more.",
    )
    yield _finding(
        "near",
        of["near"],
        "{groups} of near duplicates: bursts, crops, other sizes or qualities, mirror images",
        "They may stay, and count as often as there are copies. Splits that are made keep them "
        "together.",
    )


def _of_looks(seen: Sequence[Seen]) -> Iterator[Finding | None]:
    median = statistics.median(_side(one) for one in seen) if seen else 0
    least = max(min(TINY, median / 2), median / TINY_SHARE)
    advice = "Look at them, and delete those that show nothing of their class."
    yield _finding(
        "blank", ([one] for one in seen if one.photo.look.is_blank), "{photos} blank", advice
    )
    yield _finding(
        "blurred", ([one] for one in seen if one.photo.look.is_blurred), "{photos} blurred", advice
    )
    yield _finding(
        "tiny",
        ([one] for one in seen if _side(one) < least),
        f"{{photos}} tiny: a side of less than {least:.0f} pixels",
        "Find the originals, or delete them: the network sees them enlarged.",
    )


def _of_names(class_names: Sequence[str], seen: Sequence[Seen]) -> Iterator[Finding | None]:
    classes = _same_names(class_names)
    if classes:
        listed = "; ".join(" and ".join(repr(name) for name in group) for group in classes)
        yield Finding(
            "class names",
            f"{_count(len(classes), 'group')} of classes whose names differ in case, spaces or accents' "
            f"encoding alone: {listed}",
            "Put their photos together where they mean the same.",
        )
    by_folder: dict[Path, dict[str, Seen]] = defaultdict(dict)
    for one in seen:
        file = Path(one.place.file)
        by_folder[file.parent][file.name] = one
    files = [
        [names[name] for name in group]
        for names in by_folder.values()
        for group in _same_names(list(names))
    ]
    yield _finding(
        "file names",
        files,
        "{groups} of files whose names differ in case, spaces or accents' encoding alone",
        "Rename them: on Windows and macOS one would take the other's place.",
    )


def _of_counts(data: ImageData) -> Iterator[Finding | None]:
    counts = data.counts
    if len(data.class_names) < 2 and not data.multi_label:
        yield Finding(
            "one class",
            f"one class, {data.class_names[0]!r}",
            "Add a folder with photos of something else: there is nothing to tell apart.",
        )
    total = [sum(_by_split(data, label).values()) for label in range(len(data.class_names))]
    few = {name: n for name, n in zip(data.class_names, total, strict=True) if n < FEW}
    if few:
        yield Finding(
            "few",
            f"{_count(len(few), 'class')} with fewer than {FEW} photos: {_named(few)}",
            "Add photos; until then accuracy is a guess (train --folds 5 says how much of one).",
        )
    for split in ("validation", "test"):
        if data.sizes.get(split) and data.sizes.get("train"):
            absent = {
                name: trained
                for name, trained, n in zip(
                    data.class_names, counts["train"], counts[split], strict=True
                )
                if trained and not n
            }
            if absent:
                yield Finding(
                    "absent",
                    f"{_count(len(absent), 'class')} without {split} photos, by number of training "
                    f"photos: {_named(absent)}",
                    "Add photos that are no copies of these: nothing is measured of a class without.",
                )
    trained = [n for n in counts.get("train", ()) if n] or [n for n in total if n]
    if trained and max(trained) > UNBALANCED * min(trained):
        yield Finding(
            "imbalance",
            f"{max(trained) / min(trained):.1f} times as many photos in the largest class "
            f"({max(trained):,}) as in the smallest ({min(trained):,})",
            "Add photos of small classes; train evens it out (--balance).",
        )


def _by_split(data: ImageData, label: int) -> dict[str, int]:
    return {
        split: found[label]
        for split, found in data.counts.items()
        if not (split == "test" and data.test_is_validation)
    }


def _finding(
    kind: str, groups: Iterable[Sequence[Seen]], about: str, advice: str
) -> Finding | None:
    """A finding about groups of photos, or `None` where there are none."""
    found = [tuple(one.place for one in group) for group in groups]
    if not found:
        return None
    count = sum(map(len, found))
    groups_in_words = f"{_count(len(found), 'group')} ({count:,} photos)"
    about = about.format(groups=groups_in_words, photos=_count(count, "photo"))
    return Finding(kind, about, advice, tuple(found))


def _side(one: Seen) -> int:
    return min(one.photo.look.height, one.photo.look.width)


def _same_names(names: Sequence[str]) -> list[list[str]]:
    """Names that people would read as one."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        folded = unicodedata.normalize("NFKC", name).casefold()
        alike["".join(c for c in folded if not (c.isspace() or c in "_-"))].append(name)
    return [sorted(group) for group in alike.values() if len(group) > 1]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 'es' if noun.endswith('s') else 's'}"


def _named(counts: Mapping[str, int]) -> str:
    listed = [f"{on_one_line(name)} ({n})" for name, n in Counter(counts).most_common()[::-1]]
    more = len(listed) - 5
    return ", ".join(listed[:5]) + (f" and {more} more" if more > 0 else "")
