"""The examination of a folder: its numbers and its findings, as text and as JSON."""

import json
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from keras_resnets._common.console import on_one_line
from keras_resnets._common.files import read_json
from keras_resnets.check.findings import Finding, Place, Seen, find
from keras_resnets.data import ImageData, open_data
from keras_resnets.data._tree import readable
from keras_resnets.errors import MissingFile, UserError

FORMAT = 1  # of the JSON
MOST_BYTES = 2**30  # of a JSON that is read
MOST_LINES = 4  # of what is said in short


class Examination(NamedTuple):
    """What was found in a folder of photos.

    Attributes:
        data: The images as they were opened.
        formats: Number of photos by format, the most frequent first.
        sides: Width and height of the smallest photo, the median and the largest, by area.
        findings: What to look at, the worst first.
        folder: The folder.
    """

    data: ImageData
    formats: Mapping[str, int]
    sides: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...]
    folder: Path

    def overview(self) -> str:
        """Classes, counts, formats and sizes, and what is not used."""
        formats = ", ".join(f"{name} {count:,}" for name, count in self.formats.items())
        smallest, median, largest = (f"{width}×{height}" for width, height in self.sides)
        return (
            f"{self.data.summary()}\n  formats: {formats}\n"
            f"  sizes: {median} in the middle, from {smallest} to {largest}"
        )

    def text(self) -> str:
        """All of it, to be read on a terminal."""
        lines = [self.overview(), ""]
        for finding in self.findings:
            lines += [f"{finding.kind}: {finding.about}"]
            lines += [f"  {text}" for text in (finding.examples(), finding.advice) if text]
        return "\n".join(lines if self.findings else [*lines, "Nothing was found that is wrong."])

    def short(self) -> list[str]:
        """The worst in a few lines; none where nothing was found."""
        lines = [f"{finding.kind}: {finding.about}" for finding in self.findings[:MOST_LINES]]
        more = len(self.findings) - MOST_LINES
        return lines + [f"and {more} more"] * (more > 0)

    def to_json(self) -> str:
        """A JSON object: numbers, what is not used, and findings with the paths of their photos.

        A photo's `path` is for people. Its `file` is the same as the system has it, from the folder
        on and percent-encoded as in a URL, since a name may have bytes that no JSON holds.
        """
        data = self.data
        values = {
            "format": FORMAT,
            "name": data.name,
            "digest": data.digest,
            "class_names": data.class_names,
            "counts": data.counts,
            "origins": data.origins,
            "formats": self.formats,
            "sides": dict(zip(("smallest", "median", "largest"), self.sides, strict=True)),
            "left_out": [
                {
                    "reason": group.reason,
                    "suffix": group.suffix,
                    "count": group.count,
                    "example": group.example,
                }
                for group in data.left_out
            ],
            "findings": [
                {
                    "kind": finding.kind,
                    "about": finding.about,
                    "advice": finding.advice,
                    "groups": [list(map(self._place, group)) for group in finding.groups],
                }
                for finding in self.findings
            ],
        }
        return json.dumps(values, ensure_ascii=False, indent=1) + "\n"

    def _place(self, place: Place) -> dict[str, Any]:
        return {
            "path": place.path,
            "file": quote(os.fsencode(_inside(place.file, self.folder))),
            "class_names": place.class_names,
            "split": place.split,
        }


def examine(data: ImageData, folder: str) -> Examination:
    """Examines photos that were opened. Nothing is decoded again.

    Args:
        data: The images of a folder.
        folder: The folder.
    """
    seen = [
        Seen(photo, Place(_shown(photo.path, Path(folder)), photo.class_names, split, photo.path))
        for split, photos in data.photos.items()
        if not (split == "test" and data.test_is_validation)
        for photo in photos
    ]
    looks = sorted((one.photo.look for one in seen), key=lambda look: look.width * look.height)
    sides = [(look.width, look.height) for look in looks]
    return Examination(
        data,
        dict(Counter(look.format for look in looks).most_common()),
        (sides[0], sides[len(sides) // 2], sides[-1]),
        tuple(find(data, seen)),
        Path(folder),
    )


def examine_folder(folder: str, *, labels: str | None = None) -> Examination:
    """Opens a folder of photos as `train` does, and examines it.

    A folder that `train` refuses, such as one of a single class, is examined all the same where its
    photos are found, and the refusal is the first finding.

    Args:
        folder: The folder.
        labels: A CSV file with the photos' classes, as `open_data` reads it.

    Raises:
        UserError: Where no photos of classes are found.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is left out: the examination says it
        try:
            return examine(open_data(folder=folder, labels=labels), folder)
        except MissingFile:
            raise
        except UserError as refusal:
            try:
                data = open_data(folder=folder, labels=labels, everything=True)
            except UserError:
                raise refusal from None
            found = examine(data, folder)
            first = Finding("refused", f"train refuses this folder: {refusal}", "Mend this first.")
            return found._replace(findings=(first, *found.findings))


def examined_before(path: Path, data: ImageData) -> bool:
    """Whether a file is the JSON of an examination of these same images.

    Args:
        path: The file's path.
        data: The images.
    """
    if not path.is_file():
        return False
    try:
        values = read_json(path, "the JSON of an examination", most=MOST_BYTES)
    except UserError:  # no matter of the user's: it is written again
        return False
    return isinstance(values, dict) and values.get("digest") == data.digest


def _shown(path: str, folder: Path) -> str:
    return on_one_line(readable(str(_inside(path, folder))))


def _inside(path: str, folder: Path) -> Path:
    file = Path(path)
    return file.relative_to(folder) if file.is_relative_to(folder) else file
