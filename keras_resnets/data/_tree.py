"""What lies in a folder: its photos and sub-folders, and what is passed over, with the reason."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keras_resnets._common.console import on_one_line
from keras_resnets.photos import format_by_suffix, format_of

HIDDEN, SYSTEM = "hidden", "of the system"
NO_PHOTO = "no photo by its suffix"
# What file managers and synchronisers leave behind.
SYSTEM_NAMES = frozenset(
    {
        *("__macosx", "@eadir", "$recycle.bin", "#recycle", "system volume information"),
        *("lost+found", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    }
)


@dataclass(frozen=True)
class LeftOut:
    """Files that are not used.

    Attributes:
        reason: Why they are left out.
        suffix: Suffix of their names, in lower case.
        count: Number of files.
        example: One of their names, from the folder that was opened.

    Example:
        >>> print(LeftOut("no photo", ".txt", 2, "cat/notes.txt"))
        2 *.txt: no photo (cat/notes.txt)
    """

    reason: str
    suffix: str
    count: int
    example: str

    def __str__(self) -> str:
        what = f"*{self.suffix}" if self.suffix else "without a suffix"
        return f"{self.count} {what}: {self.reason} ({on_one_line(self.example)})"


@dataclass
class Folder:
    """A folder with its photos, hidden and foreign files passed over.

    Attributes:
        path: Path of the folder.
        photos: Directly in it, sorted.
        folders: Directly in it, sorted by name.
    """

    path: Path
    photos: list[Path] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As people read it."""
        return readable(self.path.name)

    @property
    def all_photos(self) -> list[Path]:
        """Those of the folders below too."""
        return [*self.photos, *(photo for folder in self.folders for photo in folder.all_photos)]

    @property
    def filled(self) -> list["Folder"]:
        """The folders directly in it that hold photos, at any depth."""
        return [folder for folder in self.folders if folder.all_photos]


def readable(name: str) -> str:
    """A file's name as text that can be written down everywhere.

    Bytes that are not UTF-8 are spelled `\\xff`, and letters with accents are one character, as in the
    names that other systems give.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return unicodedata.normalize("NFC", text)


def read_folder(root: Path) -> tuple[Folder, dict[Path, str]]:
    """A folder with all that is below it, and the reason for each file that is passed over.

    Links are followed, but not into a folder that they lie in.
    """
    passed_over: dict[Path, str] = {}
    return _read(root, passed_over, above=()), passed_over


def _read(path: Path, passed_over: dict[Path, str], above: tuple[tuple[int, int], ...]) -> Folder:
    folder = Folder(path)
    status = path.stat()
    inside = (*above, (status.st_dev, status.st_ino))
    for entry in sorted(path.iterdir(), key=lambda entry: entry.name):
        reason = _reason(entry, inside)
        if reason is not None:
            passed_over[entry] = reason
        elif entry.is_dir():
            folder.folders.append(_read(entry, passed_over, inside))
        else:
            folder.photos.append(entry)
    return folder


def _reason(entry: Path, inside: tuple[tuple[int, int], ...]) -> str | None:
    """Why an entry of a folder is passed over."""
    if entry.name.lower() in SYSTEM_NAMES:
        return SYSTEM
    if entry.name.startswith("."):
        return HIDDEN
    try:
        status = entry.stat()
    except FileNotFoundError:
        return "a broken link"
    except OSError as error:  # a link to itself, a folder that may not be entered
        return error.strerror or str(error)
    if stat.S_ISDIR(status.st_mode):
        back = (status.st_dev, status.st_ino) in inside
        return "a link to a folder that it lies in" if back else None
    if not stat.S_ISREG(status.st_mode):
        return "no file but a pipe, a socket or a device"
    if format_by_suffix(entry.suffix) is not None:
        return None
    if entry.suffix:
        return NO_PHOTO
    with entry.open("rb") as file:
        return None if format_of(file.read(64)) is not None else "no suffix, and not an image"


def grouped(root: Path, reasons: Iterable[tuple[Path, str]]) -> tuple[LeftOut, ...]:
    """Files by reason and suffix, the largest group first."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for path, reason in reasons:
        key = (reason, "" if path.name.startswith(".") else readable(path.suffix.lower()))
        counts[key] += 1
        examples.setdefault(key, readable_path(path, root))
    return tuple(LeftOut(*key, count, examples[key]) for key, count in counts.most_common())


def readable_path(path: Path, root: Path) -> str:
    """A path from the root, as people read it."""
    return "/".join(readable(part) for part in path.relative_to(root).parts)


def visible(left_out: Iterable[LeftOut]) -> Iterator[LeftOut]:
    """Those that people put there."""
    return (group for group in left_out if group.reason not in (HIDDEN, SYSTEM))
