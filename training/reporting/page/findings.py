"""What was found of a run's photos, with small pictures of the first ones."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from keras_resnets._common.files import read_json
from keras_resnets.check import thumbnail
from keras_resnets.errors import UserError

MOST_BYTES = 2**30  # of an examination
MOST_GROUPS = 8  # shown of a finding
MOST_PHOTOS = 4  # shown of a group


@dataclasses.dataclass(frozen=True)
class ShownPhoto:
    """A photo of a finding.

    Attributes:
        path: Path from the folder of the photos, as text.
        split: Its split.
        picture: The photo, small, as a `data:` URI; `None` where it is no longer there.
    """

    path: str
    split: str
    picture: str | None


@dataclasses.dataclass(frozen=True)
class ShownGroup:
    """Photos that belong together, such as copies of one another.

    Attributes:
        photos: The first of them.
        more: Number of the others.
    """

    photos: Sequence[ShownPhoto]
    more: int


@dataclasses.dataclass(frozen=True)
class ShownFinding:
    """Something to look at.

    Attributes:
        kind: What it is, in a word.
        about: A sentence with numbers.
        advice: What to do.
        groups: The first of the photos that it is about.
        more: Number of the other groups.
    """

    kind: str
    about: str
    advice: str
    groups: Sequence[ShownGroup]
    more: int


def read_findings(examination: Path, folder: str | None) -> list[ShownFinding]:
    """What an examination found, the worst first. No more photos are opened than are shown.

    Args:
        examination: Path of its JSON.
        folder: The folder of the photos, or `None` where nobody knows.

    Raises:
        UserError: Where the JSON is broken.
    """
    values = read_json(examination, "an examination", most=MOST_BYTES)
    return [
        ShownFinding(
            finding["kind"],
            finding["about"],
            finding["advice"],
            [_group(group, folder) for group in finding["groups"][:MOST_GROUPS]],
            max(0, len(finding["groups"]) - MOST_GROUPS),
        )
        for finding in values["findings"]
    ]


def _group(places: Sequence[Mapping[str, Any]], folder: str | None) -> ShownGroup:
    photos = [
        ShownPhoto(place["path"], place["split"], folder and _picture(place, Path(folder)))
        for place in places[:MOST_PHOTOS]
    ]
    return ShownGroup(photos, max(0, len(places) - MOST_PHOTOS))


def _picture(place: Mapping[str, Any], folder: Path) -> str | None:
    # Examinations of before had no `file`.
    name = os.fsdecode(unquote_to_bytes(place.get("file", quote(place["path"]))))
    try:
        return thumbnail(folder / name)
    except (UserError, OSError):
        return None
