"""A photo as a file wants it, with Pillow and NumPy alone.

`python -m tflite predict` must work where neither Keras nor TensorFlow does, so this is the transform of
`keras_resnets.preprocessing` a second time; a test holds the two equal, pixel for pixel. The Python
code that `python -m tflite snippet` prints is this file's.
"""

import io
from collections.abc import Mapping
from math import floor
from typing import Any

import numpy as np
from PIL import Image


def read_photo(content: bytes) -> np.ndarray:
    """Decodes an image file to RGB: `(height, width, 3)` uint8; `OSError` where it is none."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        image.info.pop("transparency", None)
        if image.mode.startswith("I;16"):  # grey of 16 bits, of which convert() clips the upper
            return np.stack([(np.asarray(image) >> 8).astype("uint8")] * 3, axis=-1)
        return np.asarray(image.convert("RGB"))


def crop(photo: np.ndarray, preprocessing: Mapping[str, Any]) -> np.ndarray:
    """Resizes the short side and cuts the centre out: `(height, width, 3)` uint8."""
    height, width = (int(side) for side in np.broadcast_to(preprocessing["size"], 2))
    fraction = preprocessing["crop_fraction"]
    target = floor(height / fraction), floor(width / fraction)
    rows, columns = photo.shape[:2]
    if target[0] == target[1]:
        short = min(rows, columns)
        resized = target[1] * columns // short, target[0] * rows // short
    else:
        ratio = min(rows / target[0], columns / target[1])
        resized = round(columns / ratio), round(rows / ratio)
    filter = Image.Resampling[preprocessing["interpolation"].upper()]
    pixels = np.asarray(Image.fromarray(photo).resize(resized, filter))
    top, left = round((pixels.shape[0] - height) / 2), round((pixels.shape[1] - width) / 2)
    return pixels[top : top + height, left : left + width]


def normalize(pixels: np.ndarray, preprocessing: Mapping[str, Any]) -> np.ndarray:
    """From 0…255 to `(pixels / 255 - mean) / std`, float32."""
    mean, std = (np.asarray(preprocessing[name], "float32") * 255 for name in ("mean", "std"))
    return (pixels - mean) / std


def denormalize(images: np.ndarray, preprocessing: Mapping[str, Any]) -> np.ndarray:
    """The pixels, uint8, that `normalize` was given."""
    mean, std = (np.asarray(preprocessing[name], "float32") * 255 for name in ("mean", "std"))
    return np.rint(images * std + mean).astype("uint8")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
