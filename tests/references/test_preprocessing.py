"""The evaluation transform on real photos against timm's, stored by `make_preprocessing.py`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from references.draw import PHOTOS, TRANSFORMS
from sklearn.datasets import load_sample_image

from keras_resnets.data import evaluation_batches, open_data
from keras_resnets.preprocessing import Preprocessing

STORED = Path(__file__).parent / "preprocessing.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The two photos as a class each of a data set that has them in every split."""
    folder = tmp_path_factory.mktemp("photos")
    for split in ("train", "test"):
        for photo in PHOTOS:
            path = folder / split / photo.removesuffix(".jpg") / "photo.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(load_sample_image(photo)).save(path)
    return folder


def stored(photo, size):
    with np.load(STORED) as pixels:
        return pixels[f"{photo}/{size}"].astype(int)


@pytest.mark.parametrize("photo", PHOTOS)
@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: str(t[0]))
def test_pixels_are_timms(photo, transform):
    pixels = Preprocessing(*transform).pixels(load_sample_image(photo))
    np.testing.assert_array_equal(pixels[::5, ::5], stored(photo, transform[0]))


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: str(t[0]))
def test_evaluation_batches_are_timms_within_a_grey_level(transform, folder):
    raw = replace(Preprocessing(*transform), mean=(0.0,) * 3, std=(1.0,) * 3)
    data = open_data(folder=str(folder), everything=True)
    ((images, labels),) = evaluation_batches(data, "test", raw, batch_size=2).as_numpy_iterator()
    for image, label in zip(images, labels, strict=True):
        expected = stored(f"{data.class_names[label]}.jpg", transform[0])
        assert np.abs(255 * image[::5, ::5] - expected).mean() < 0.3
