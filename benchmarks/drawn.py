"""Photos that are drawn: JPEGs that compress as photos do, and classes that differ in brightness."""

from pathlib import Path

import numpy as np
from PIL import Image


def draw_photos(folder: Path, count: int, classes: int, width: int, height: int) -> None:
    """Smooth shapes with a little noise, in one folder a class, each brighter than the one before."""
    rng = np.random.default_rng(0)
    for index in range(count):
        label = index % classes
        coarse = rng.integers(0, 200, (8, 10, 3), dtype="uint8")
        image = np.asarray(
            Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        )
        noisy = image + rng.normal(20 * label, 6, image.shape)
        path = folder / f"class {label}" / f"{index:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(path, quality=90)
