"""The first training images of a run, after augmentation."""

from pathlib import Path

import numpy as np

from ..config import Config
from ..data.batches import preprocessing_of, training_batches
from ..loop import open_checked
from . import plots


def draw_augmented(config: Config, count: int, path: Path) -> None:
    """Draws what the network is shown first, with the shares of each image's classes.

    Args:
        count: of images; a page of whole batches of that size.
    """
    data = open_checked(config)
    batch_size = min(count, config.batch_size, data.sizes["train"])
    batches = training_batches(data, config.model_copy(update={"batch_size": batch_size}))
    shown = list(batches.take(-(-count // batch_size)).as_numpy_iterator())
    images, targets = (np.concatenate(parts)[:count] for parts in zip(*shown, strict=True))
    preprocessing = preprocessing_of(config)
    scale = np.asarray(preprocessing.std) * 255
    pixels = images * scale + np.asarray(preprocessing.mean) * 255
    plots.draw_page(
        list(pixels.round().clip(0, 255).astype("uint8")),
        [(_label(target, data.class_names), "black") for target in targets],
        f"{config.name}: training images as the network sees them",
        path,
    )


def _label(target: np.ndarray, names: tuple[str, ...]) -> str:
    parts = [(share, names[index]) for index, share in enumerate(target) if share > 0.005]
    if len(parts) == 1:
        return parts[0][1]
    return "\n".join(f"{share:.0%} {name}" for share, name in sorted(parts, reverse=True))
