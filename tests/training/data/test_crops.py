import io

import numpy as np
import pytest
import tensorflow as tf
from pictures import as_camera_stores, encoded, picture, turned_by
from PIL import Image

from keras_resnets.photos import problem_of, read_image
from training.config import Crop
from training.data import crops
from training.data.draws import Draws

PHOTO = picture(0, 224, 304)
RGB = np.asarray(PHOTO)
WINDOW = (8, 16, 96, 96)  # top, left, height, width; multiples of 8, from the other ends too


@pytest.fixture
def crop(monkeypatch):
    """`random_crop` of `WINDOW`, compiled once a size."""
    monkeypatch.setattr(crops, "_window", lambda *_: tf.constant(WINDOW))

    def compiled(size):
        return tf.function(
            lambda content: crops.random_crop(content, size, Crop(), Draws(0, 0)),
            input_signature=[tf.TensorSpec((), tf.string)],
        )

    return compiled


def test_every_format_and_orientation_gives_the_same_crop(crop):
    cut = crop(96)
    expected = RGB[8:104, 16:112].astype(int)
    for orientation in range(1, 9):
        stored = Image.fromarray(as_camera_stores(RGB, orientation))
        exif = turned_by(orientation)
        for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
            content = encoded(stored, kind, exif=exif, **options)
            np.testing.assert_array_equal(cut(content), expected)
        content = encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0)
        # The decoder that reads the crop alone and the one that reads all are one library.
        np.testing.assert_array_equal(cut(content), read_image(content)[8:104, 16:112])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpegs_without_exif(mode, progressive, crop):
    content = encoded(PHOTO.convert(mode), "JPEG", quality=95, progressive=progressive)
    difference = np.abs(crop(96)(content) - read_image(content)[8:104, 16:112].astype(int))
    # Where colours are stored at half the size, those at the edge see no neighbour.
    assert difference[1:-1, 1:-1].max() <= 2
    assert difference.mean() < 0.1


@pytest.mark.parametrize(("size", "scale"), [(96, 1), (49, 1), (48, 2), (24, 4), (12, 8)])
def test_a_jpeg_is_decoded_at_the_scale_that_the_crop_needs(size, scale, crop):
    content = encoded(PHOTO, "JPEG", quality=95)
    with Image.open(io.BytesIO(content)) as image:
        image.draft(None, (304 // scale, 224 // scale))
        scaled = np.asarray(image)
    assert scaled.shape == (224 // scale, 304 // scale, 3)
    top, left, height, width = (side // scale for side in WINDOW)
    expected = scaled[top : top + height, left : left + width].astype("float32")
    if height != size:
        expected = tf.image.resize(expected, (size, size)).numpy()
    difference = np.abs(crop(size)(content) - expected)
    assert difference[1:-1, 1:-1].max() <= 2


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"GIF89a"])
def test_short_files_are_not_plain(content):
    assert not crops._is_plain(tf.constant(content))


def test_windows_are_drawn_from_the_upright_photo():
    """A portrait that lies on its side: windows as wide as high see equally much of it."""
    portrait = Image.fromarray(as_camera_stores(np.asarray(picture(1, 300, 60)), 6))
    plain = encoded(picture(1, 300, 60), "JPEG")
    turned = encoded(portrait, "JPEG", exif=turned_by(6))
    for number in range(4):
        first, second = (
            crops.random_crop(tf.constant(content), 32, Crop(), Draws(0, number)).numpy()
            for content in (plain, turned)
        )
        assert np.abs(first - second).mean() < 12


def test_what_was_found_whole_is_decoded_in_training():
    """Broken photos: the one decoder that only training uses refuses none that opening accepts."""
    cut = tf.function(
        lambda content: crops.random_crop(content, 16, Crop(), Draws(0, 0)),
        input_signature=[tf.TensorSpec((), tf.string)],
    )
    random = np.random.default_rng(0)
    photo, whole = picture(3, 40, 60), 0
    for options in ({}, {"progressive": True}, {"exif": turned_by(6)}):
        content = encoded(photo, "JPEG", **options)
        for number in range(30):
            broken = bytearray(content)
            for _ in range(1 + number % 3):
                broken[random.integers(len(broken) if number % 2 else 650)] = random.integers(256)
            del broken[len(broken) - (number % 5) :]
            if problem_of(bytes(broken)) is None:
                assert cut(bytes(broken)).shape == (16, 16, 3)
                whole += 1
    assert 10 < whole < 80
