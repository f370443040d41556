"""Makes the stored pixels of timm's evaluation transform, which `Preprocessing` must reproduce.

In the environment of `make_references.py`:

    .venvs/references/bin/python tests/references/make_preprocessing.py

Of the two photos that scikit-learn ships, each under four transforms of the registry's checkpoints,
it keeps every fifth pixel: `tests/references/preprocessing.npz`, arrays `PHOTO/SIZE`, uint8.
"""

from pathlib import Path

import numpy as np
from draw import PHOTOS, TRANSFORMS
from PIL import Image
from sklearn.datasets import load_sample_image
from timm.data import create_transform

pixels = {}
for size, crop_fraction, interpolation in TRANSFORMS:
    transform = create_transform(
        (3, size, size),
        interpolation=interpolation,
        crop_pct=crop_fraction,
        normalize=False,
    )
    for photo in PHOTOS:
        image = np.asarray(transform(Image.fromarray(load_sample_image(photo))))
        pixels[f"{photo}/{size}"] = image.transpose(1, 2, 0)[::5, ::5]
np.savez_compressed(Path(__file__).parent / "preprocessing.npz", allow_pickle=False, **pixels)
