"""Photos in doubt as small images: what the network saw, and where it saw a class."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from keras_resnets._common.files import written_aside
from keras_resnets.card import Card
from keras_resnets.inference import images_at_once

if TYPE_CHECKING:
    import keras

SMALL = 64  # pixels a side, up to which nothing is lost
Array = np.ndarray[Any, Any]


def save_seen(
    folder: Path,
    model: "keras.Model",
    card: Card,
    classes: Sequence[int],
    pixels: Sequence[Array],
) -> None:
    """Writes each photo, and the same under Grad-CAM's map of a class, as WebP files.

    Args:
        folder: Where they go; what was there before is removed.
        model: The model that sees.
        card: The model's card.
        classes: A class of the model for each photo.
        pixels: The photos as the model sees them, but for normalisation: `(height, width, 3)` uint8.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if not classes:
        return
    from keras_resnets.explain import grad_cam, overlay

    rows = images_at_once(*card.preprocessing.shape)
    for start in range(0, len(pixels), rows):
        part = slice(start, start + rows)
        normalized = card.preprocessing.normalize(np.stack(pixels[part]))
        heats = grad_cam(model, normalized, class_index=np.array(classes[part]))
        for index, (seen, heat) in enumerate(zip(pixels[part], heats, strict=True), start):
            _save(seen, folder / photo_name(index))
            _save(overlay(seen, heat), folder / heat_name(index))


def photo_name(index: int) -> str:
    """Name of a photo."""
    return f"{index:02}.webp"


def heat_name(index: int) -> str:
    """Name of the same photo under its heat map."""
    return f"{index:02}.heat.webp"


def _save(pixels: Array, path: Path) -> None:
    with written_aside(path) as aside:
        # Of so few pixels each counts.
        Image.fromarray(pixels).save(aside, quality=90, lossless=max(pixels.shape) <= SMALL)
