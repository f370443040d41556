"""Photos that a command is given: each is answered, or named with the reason."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from keras_resnets._common.console import on_one_line
from keras_resnets.errors import USAGE, MissingFile, UserError


def for_each_photo(photos: Iterable[Path], answer: Callable[[Path, bytes], None]) -> int:
    """Answers each photo. One that cannot be read is named on standard error, the others go on.

    Args:
        photos: Paths, as the user named them.
        answer: What is done for a photo, with its path and the file's content.

    Returns:
        The command's exit code: 0 where all were answered.
    """
    code = 0
    for photo in photos:
        try:
            answer(photo, _content(photo))
        except (UserError, OSError) as error:
            sys.stdout.flush()
            print(f"error: {on_one_line(photo)}: {error}", file=sys.stderr)
            code = USAGE
    return code


def _content(photo: Path) -> bytes:
    if not photo.is_file():  # a pipe would be waited for
        raise MissingFile(f"Expected the path of a photo. Received: {_what(photo)}.")
    return photo.read_bytes()


def _what(path: Path) -> str:
    if path.is_dir():
        return "a folder; name the photos in it, if there are any"
    return "no photo, but a device" if path.exists() else "no such file"
