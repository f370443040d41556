"""The first training images of a run, after augmentation."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.pictures import Shown, page, save

from ..config import Config
from ..data.batches import training_batches
from ..data.opening import open_checked


def draw_augmented(config: Config, count: int, path: Path) -> None:
    """Draws what the network is shown first, with the shares of each image's classes.

    Args:
        config: The run's config.
        count: Number of images; a page of whole batches of that size.
        path: Path of the picture to write.
    """
    data = open_checked(config.data, config.model.classes)
    batch_size = min(count, config.batch_size, data.sizes["train"])
    batches = training_batches(data, config.model_copy(update={"batch_size": batch_size}))
    shown = list(batches.take(-(-count // batch_size)).as_numpy_iterator())
    images, targets = (np.concatenate(parts)[:count] for parts in zip(*shown, strict=True))
    preprocessing = config.preprocessing
    scale = np.asarray(preprocessing.std) * 255
    pixels = images * scale + np.asarray(preprocessing.mean) * 255
    shown = [
        Shown(image, _label(target, data.class_names))
        for image, target in zip(pixels.round().clip(0, 255).astype("uint8"), targets, strict=True)
    ]
    save(page(shown, f"{config.name}: training images as the network sees them"), path)


def _label(target: np.ndarray[Any, Any], names: tuple[str, ...]) -> str:
    parts = [(share, names[index]) for index, share in enumerate(target) if share > 0.005]
    if len(parts) == 1:
        return parts[0][1]
    return "\n".join(f"{share:.0%} {name}" for share, name in sorted(parts, reverse=True))
