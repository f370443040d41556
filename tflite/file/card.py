"""`FileCard`: what one must know to use a `.tflite` file of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FileCard:
    """How to use one file.

    Attributes:
        architecture: the constructor's name.
        mode: the number format.
        float_layers: layers that stay in float32 in an integer mode.
        class_names: in the order of the logits, which are the file's output.
        takes_pixels: whether the file takes uint8 pixels and normalises them itself, or normalised
            images in float32.
        preprocessing: `keras_resnets.preprocessing.Preprocessing` as JSON has it.
        provenance: free text by keyword.
    """

    architecture: str
    mode: str
    float_layers: tuple[str, ...]
    class_names: tuple[str, ...]
    takes_pixels: bool
    preprocessing: Mapping[str, Any]
    provenance: Mapping[str, str]
