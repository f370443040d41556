"""Code to paste into an app, for one file: its input, its output, its classes."""

import inspect
import string
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_resnets.errors import UserError

from ..file.card import FileCard
from . import photo

TEMPLATES = Path(__file__).with_name("templates")
LANGUAGES = {"python": "python.txt", "kotlin": "kotlin.txt", "swift": "swift.txt"}
# Of inputs and outputs. Swift's runtime has no int8 tensors.
TYPES = {
    "python": {"float32", "uint8", "int8", "int16"},
    "kotlin": {"float32", "uint8", "int8"},
    "swift": {"float32", "uint8"},
}


def snippet(file: Path, card: FileCard, types: Sequence[str], language: str) -> str:
    """The code that loads a file and names the classes of a photo.

    Args:
        file: the file; the code names it as it is named.
        card: the file's.
        types: of its input and its output, such as `"float32"`.
        language: a key of `LANGUAGES`.

    Raises:
        ValueError: for types that the language's code cannot handle.
    """
    if not TYPES[language].issuperset(types):
        raise UserError(
            f"Expected an input and an output of {' or '.join(sorted(TYPES[language]))}, as the code in "
            f"{language} has them. Received: {' and '.join(types)}. Export without --integer-io."
        )
    template = string.Template((TEMPLATES / LANGUAGES[language]).read_text("utf-8"))
    preprocessing = card.preprocessing
    height, width = (int(side) for side in np.broadcast_to(preprocessing["size"], 2))
    fraction = preprocessing["crop_fraction"]
    return template.substitute(
        file=str(file) if language == "python" else file.name,
        stem=file.stem,
        about=f"{card.architecture}, {card.mode}",
        classes=len(card.class_names),
        preprocessing=repr(dict(preprocessing)),
        functions=_functions(photo.read_photo, photo.crop, photo.normalize, photo.softmax),
        height=height,
        width=width,
        resized_height=int(height / fraction),
        resized_width=int(width / fraction),
        mean=_numbers(preprocessing["mean"]),
        std=_numbers(preprocessing["std"]),
    )


def _functions(*functions: Callable) -> str:
    """The sources, as they stand in this package."""
    return "\n\n".join(inspect.getsource(function) for function in functions)


def _numbers(values: list[float]) -> str:
    """As float literals of pixels from 0 to 255."""
    return ", ".join(f"{255 * value:.4f}" for value in values)
