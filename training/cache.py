"""Views of photos, as the frozen stages see them, in files that outlive the run: `--cache FOLDER`.

`FOLDER/KEY/train-3.1a2b3c4d.maps` holds view 3 of the training photos: their maps as float16, then
their targets as float32. KEY is a digest of all that it was computed of; the last part of the name is
the CRC of the content. A file is written aside and renamed, and so whole or not there.
"""

import contextlib
import errno
import shutil
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from keras_resnets._common.files import sweep_folder, sync_folder, written_aside
from keras_resnets.errors import UserError

from .data.maps import View

SUFFIX = ".maps"
MAPS, TARGETS = np.dtype("<f2"), np.dtype("<f4")
CHUNK = 2**24  # bytes read at a time for a checksum

Array = np.ndarray[Any, Any]


class CacheFiles:
    """The files of one network's frozen stages over one set of photos.

    Args:
        folder: The folder that the user named; made where it is missing.
        key: Digest of what the views are computed of.
    """

    def __init__(self, folder: Path, key: str):
        self.folder = folder / key
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            sweep_folder(self.folder)
        except OSError as error:
            raise UserError(
                f"Expected a folder to write to for --cache. Received: {folder}: {error.strerror}."
            ) from error

    def read(self, split: str, view: int, shape: tuple[int, ...], classes: int) -> View | None:
        """A view, its maps mapped from the disk; `None` where there is none that is whole.

        Args:
            split: Name of the split.
            view: Number of the view.
            shape: Shape of its maps.
            classes: Number of classes.
        """
        length = MAPS.itemsize * int(np.prod(shape))
        for path in self.folder.glob(f"{split}-{view}.*{SUFFIX}"):
            whole = path.stat().st_size == length + TARGETS.itemsize * shape[0] * classes
            if whole and path.name == _name(split, view, _checksum(path)):
                targets = np.fromfile(path, TARGETS, offset=length).reshape(shape[0], classes)
                return View(np.memmap(path, MAPS, "r", shape=shape), targets)
            warnings.warn(f"{path} is damaged: it is computed again.", stacklevel=2)
            path.unlink()
        return None

    @contextlib.contextmanager
    def writing(self, split: str, view: int) -> Iterator["Writer"]:
        """Gives a place to write a view's photos to, which is kept if the block ends without an error.

        Raises:
            UserError: Where the disk is full.
        """
        path = self.folder / f"{split}-{view}{SUFFIX}"
        try:
            with written_aside(path) as aside, open(aside, "wb") as file:
                writer = Writer(file)
                yield writer
                writer.end()
            path.replace(self.folder / _name(split, view, writer.checksum))
            sync_folder(self.folder)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise UserError(
                f"Expected room for --cache in {self.folder.parent}. "
                f"Received: {error.strerror}. Make room there, name a folder on another disk, or leave "
                "--cache out; what was written whole is kept."
            ) from error


def disk_room(folder: Path) -> int:
    """Bytes free where a folder is, or will be made."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    return shutil.disk_usage(there).free


class Writer:
    """Writes the photos of a view one batch after the other, and its targets at the end."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._targets: list[Array] = []
        self.checksum = 0

    def add(self, maps: Array, targets: Array) -> None:
        """Adds a batch."""
        self._write(maps.astype(MAPS))
        self._targets.append(targets)

    def end(self) -> None:
        """Adds the targets, after the last batch."""
        self._write(np.concatenate(self._targets).astype(TARGETS))

    def _write(self, values: Array) -> None:
        content = values.tobytes()
        self.checksum = zlib.crc32(content, self.checksum)
        # Not through a memory map, where a full disk ends the process.
        self._file.write(content)


def _name(split: str, view: int, checksum: int) -> str:
    return f"{split}-{view}.{checksum:08x}{SUFFIX}"


def _checksum(path: Path) -> int:
    checksum = 0
    with open(path, "rb") as file:
        while content := file.read(CHUNK):
            checksum = zlib.crc32(content, checksum)
    return checksum
