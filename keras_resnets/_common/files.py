"""Files that are whole or not there: written aside, flushed to the disk, renamed."""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_resnets._common.tables import size
from keras_resnets.errors import UserError

ASIDE = ".aside-"  # within the name of a file that is not whole yet
ABANDONED = 3600.0  # seconds after which such a file belongs to no living process


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Gives a path to write to, which becomes `path` when the block ends without an error.

    The other name ends as `path` does, since Keras and Matplotlib go by the suffix. What a killed
    process left there before is swept away.

    Args:
        path: The file to be; missing folders above it are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    # Hidden, and one a process, so that two of them do not write to one.
    aside = path.with_name(f".{path.stem}{ASIDE}{os.getpid()}{path.suffix}")
    try:
        yield aside
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a whole UTF-8 file or none."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a whole file or none."""
    with written_aside(path) as aside:
        aside.write_bytes(content)


def read_json(path: Path, what: str, *, most: int) -> Any:
    """Reads a JSON file that anybody may have made.

    Args:
        path: The file's path.
        what: What the file should be, such as `"a model card"`.
        most: How many bytes it may have.

    Raises:
        UserError: For a file that is larger, is not JSON in UTF-8, or nests without end. The
            message names the file.
    """
    length = path.stat().st_size
    if length > most:
        raise UserError(f"Expected {what}. Received: {path}, of {size(length)}.")
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"Expected {what}. Received: {path}: {error}.") from error


def sweep(path: Path) -> None:
    """Removes what killed processes left aside of `path`."""
    _sweep(path.parent.glob(f".{_literal(path.stem)}{ASIDE}*{_literal(path.suffix)}"))


def sweep_folder(folder: Path) -> None:
    """Removes what killed processes left aside of whatever file in `folder`."""
    _sweep(folder.glob(f".*{ASIDE}*"))


def _sweep(candidates: Iterable[Path]) -> None:
    for left in candidates:
        process = left.name.rpartition(ASIDE)[2].split(".")[0]
        with contextlib.suppress(FileNotFoundError):
            if not _is_running(process) or time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable, where the system knows how."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_writable(folder: Path, files: Iterable[Path], *, force: bool) -> None:
    """Refuses, before the work for them is done, files that could not be written in the end.

    Args:
        folder: The folder they go to; made where it is missing.
        files: Names of the files that will be written.
        force: Whether files that exist may be replaced.

    Raises:
        UserError: Where a file would be overwritten without `force`, or the folder cannot be
            written to.
    """
    existing = [str(path) for path in files if path.exists()]
    if existing and not force:
        raise UserError(
            f"Expected files that do not exist yet. Received: {', '.join(existing)}. "
            "Overwrite them with --force, or write elsewhere with --output."
        )
    if folder.exists() and not folder.is_dir():
        raise UserError(f"Expected a folder to write to. Received: {folder}, a file.")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise UserError(f"Expected a folder to write to. Received: {folder}, read-only.")


def keras_home() -> Path:
    """Keras' folder for what is kept between commands: `$KERAS_HOME`, or else `~/.keras`.

    Raises:
        RuntimeError: For a user without a home.
    """
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")


def _literal(text: str) -> str:
    """A text as a pattern of `glob` that matches itself alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _is_running(process: str) -> bool:
    if not process.isdigit():
        return False
    if os.name == "nt":
        return True  # signal 0 would end it there; the age decides
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
