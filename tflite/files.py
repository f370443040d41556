"""Writing files that are whole or not there."""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Writes a file aside and renames it, so that a killed process leaves nothing half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        raise


def prepare(folder: Path, paths: Iterable[Path], *, force: bool) -> None:
    """Makes a folder for files to come, before the work for them is done.

    Raises:
        FileExistsError: where a file would be overwritten without `force`.
        OSError: where the folder cannot be written to.
    """
    existing = [str(path) for path in paths if path.exists()]
    if existing and not force:
        raise FileExistsError(
            f"Expected files that do not exist yet. Received: {', '.join(existing)}. "
            "Overwrite them with --force, or write elsewhere with --output."
        )
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"Expected a folder to write to. Received: {folder}, a file.")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"Expected a folder to write to. Received: {folder}, read-only.")
