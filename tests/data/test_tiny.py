import zlib

import numpy as np
import pytest
import tensorflow as tf
from pictures import deep_png, encoded, picture, png, turned_by
from PIL import Image

from keras_resnets.data import crop_image, decode_image, of_content
from keras_resnets.data.tiny import Axis, is_tiny_png, resized
from keras_resnets.photos import read_crop, read_image
from keras_resnets.preprocessing import Preprocessing

CONTENT = tf.TensorSpec((), tf.string)
DIGIT = picture(0, 28, 28)


def of_type(colour, *more, depth=8, interlaced=0):
    """A PNG of 9 x 9 with all its bytes right, and no colour type's meaning."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    rows = bytes(range(9)) * ((9 * bits + 7) // 8 + 1)
    rows = b"".join(b"\0" + rows[: (9 * bits + 7) // 8] for _ in range(9))
    header = (9).to_bytes(4, "big") * 2 + bytes([depth, colour, 0, 0, interlaced])
    return png(header, rows, *more)


EXIF = turned_by(6).tobytes().removeprefix(b"Exif\0\0")
PALETTE = (b"PLTE", bytes(range(27)))
KINDS = {
    "grey": (encoded(DIGIT.convert("L"), "PNG"), True),
    "RGB": (encoded(DIGIT, "PNG"), True),
    "by TensorFlow": (tf.io.encode_png(np.asarray(DIGIT)).numpy(), True),
    "64 wide": (encoded(picture(0, 32, 64), "PNG"), True),
    "65 wide": (encoded(picture(0, 64, 65), "PNG"), False),
    "thin": (encoded(picture(0, 13, 27), "PNG"), False),
    "higher than wide": (encoded(picture(0, 28, 27), "PNG"), False),
    "1 bit": (encoded(DIGIT.convert("1"), "PNG"), False),
    "palette": (encoded(DIGIT.quantize(16), "PNG"), False),
    "palette of 8 bits": (of_type(3, PALETTE), False),
    "grey and alpha": (encoded(DIGIT.convert("LA"), "PNG"), False),
    "RGBA": (encoded(DIGIT.convert("RGBA"), "PNG"), False),
    "16 bits": (deep_png(np.full((9, 9, 3), 700, "uint16")), False),
    "16 bits grey": (of_type(0, depth=16), False),
    "transparent grey": (of_type(0, (b"tRNS", b"\0\3")), False),
    "transparent colour": (of_type(2, (b"tRNS", b"\0\0\0\1\0\2")), False),
    "turned": (of_type(2, (b"eXIf", EXIF)), False),
    "with a text": (of_type(2, (b"tEXt", b"Title\0a digit")), False),
    "JPEG": (encoded(DIGIT, "JPEG"), False),
    "cut": (encoded(DIGIT, "PNG")[:40], False),
    "empty": (b"", False),
}


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_image, input_signature=[CONTENT])


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_is_stored_plainly_is_tiny_and_the_pixels_are_pillows(kind, decode):
    content, tiny = KINDS[kind]
    assert bool(is_tiny_png(tf.constant(content))) == tiny
    if kind not in ("cut", "empty"):
        np.testing.assert_array_equal(decode(content), read_image(content))


def test_an_orientation_behind_the_pixels_is_seen():
    content = encoded(DIGIT, "PNG")
    chunk = b"eXIf" + EXIF
    chunk = len(EXIF).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    for turned in (content[:-12] + chunk + content[-12:], content + chunk):
        assert not is_tiny_png(tf.constant(turned))


@pytest.mark.parametrize(
    ("size", "fraction", "interpolation"),
    [(32, 1.0, "bilinear"), (13, 0.875, "bilinear"), (20, 1.0, "bicubic"), (56, 0.875, "bicubic")],
)
def test_the_crop_is_that_of_preprocessing_bit_for_bit(size, fraction, interpolation):
    preprocessing = Preprocessing(size, fraction, interpolation)
    crop = tf.function(
        lambda content: crop_image(content, preprocessing), input_signature=[CONTENT]
    )
    random = np.random.default_rng(size)
    for number in range(30):
        height = 32 if number == 0 else int(random.integers(1, 65))
        width = int(random.integers(height, min(2 * height, 64) + 1))
        noise = random.integers(0, 256, (height, width, 3)).astype("uint8")
        content = encoded(Image.fromarray(noise), "PNG")
        assert is_tiny_png(tf.constant(content))
        np.testing.assert_array_equal(crop(content), preprocessing.read(content))


def test_a_resized_window_is_pillows_bit_for_bit():
    """As a random crop is read: of an image that is not higher than wide."""
    size = 24

    def of_window(image, window):
        rows, columns = (
            Axis(tf.shape(image)[axis], (window[axis], window[axis + 2]), size, 0, size)
            for axis in (0, 1)
        )
        return resized(image, rows, columns, "bilinear")

    specs = [tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((4,), tf.int32)]
    resize = tf.function(of_window, input_signature=specs)
    random = np.random.default_rng(0)
    for _ in range(40):
        sides = np.sort(random.integers(8, 65, 2))
        noise = random.integers(0, 256, (*sides, 3)).astype("uint8")
        content = encoded(Image.fromarray(noise), "PNG")
        height, width = (int(random.integers(1, side + 1)) for side in sides)
        top, left = int(random.integers(sides[0] - height + 1)), int(sides[1] - width)
        window = (top, left, height, width)
        np.testing.assert_array_equal(
            resize(noise, np.array(window, "int32")), read_crop(content, window, size)
        )


def test_python_is_not_called_for_tiny_images(monkeypatch):
    monkeypatch.setattr("keras_resnets.data._images.of_content", _must_not_run)
    tiny = encoded(DIGIT, "PNG")
    assert decode_image(tf.constant(tiny)).shape == (28, 28, 3)
    assert crop_image(tf.constant(tiny), Preprocessing(32)).shape == (32, 32, 3)


def _must_not_run(function, encoded, dtype, *arguments):
    def refuse(*_):
        raise AssertionError

    return of_content(refuse, encoded, dtype, *arguments)
