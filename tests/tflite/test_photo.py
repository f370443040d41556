"""The file's own preprocessing against the library's."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_resnets.preprocessing import Preprocessing, read_image
from tflite.use import photo


@pytest.mark.parametrize("shape", [(40, 50), (301, 200), (64, 64), (17, 33)])
@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(size=32),
        Preprocessing(size=28, crop_fraction=1.0, interpolation="bicubic"),
        Preprocessing(size=(24, 40), crop_fraction=0.95, mean=(0.5,) * 3, std=(0.5,) * 3),
    ],
)
def test_equals_the_library(shape: tuple[int, int], preprocessing: Preprocessing) -> None:
    image = np.random.default_rng(0).integers(256, size=(*shape, 3), dtype="uint8")
    stated = preprocessing.to_dict()
    pixels = photo.crop(image, stated)
    np.testing.assert_array_equal(pixels, preprocessing.pixels(image))
    normalized = photo.normalize(pixels, stated)
    np.testing.assert_array_equal(normalized, preprocessing(image))
    assert normalized.dtype == np.float32
    np.testing.assert_array_equal(photo.denormalize(normalized, stated), pixels)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P", "I;16"])
def test_reads_as_the_library(mode: str) -> None:
    grey = np.random.default_rng(0).integers(256, size=(9, 7), dtype="uint8")
    if mode == "I;16":
        image = Image.fromarray(grey.astype("uint16") * 257)
    else:
        image = Image.fromarray(grey).convert("RGB").convert(mode)
    stream = io.BytesIO()
    image.save(stream, "TIFF" if mode == "CMYK" else "PNG")
    content = stream.getvalue()
    np.testing.assert_array_equal(photo.read_photo(content), read_image(content))


def test_softmax_of_large_logits() -> None:
    np.testing.assert_allclose(photo.softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])
    np.testing.assert_allclose(photo.softmax(np.array([0.0, np.log(3)])), [0.25, 0.75])
