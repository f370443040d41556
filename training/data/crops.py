"""Random crops of encoded photos, of which no more is decoded than the crop needs."""

from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnets.data import of_content
from keras_resnets.data.tiny import MOST_SIDE, Axis, decode_tiny_png, is_tiny_png, resized
from keras_resnets.photos import read_crop, read_header

from ..config import Crop
from .draws import Draws

START, JFIF = b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"  # of a JPEG
JFIF_BYTES = 20  # up to the end of that segment
TABLES = (b"\xff\xdb", b"\xff\xc0", b"\xff\xc4")  # the segments of the pixels themselves
RATIOS = (1, 2, 4, 8)  # at which a JPEG can be decoded
# By EXIF's orientation, from 1 on: how stored pixels become upright ones.
TRANSPOSED = (False, False, False, False, True, True, True, True)
FLIPPED_ACROSS = (False, True, True, False, False, True, True, False)
FLIPPED_DOWN = (False, False, True, True, False, False, True, True)


def random_crop(encoded: Any, size: int, crop: Crop, draws: Draws) -> Any:
    """A random-resized crop (Szegedy et al., 2015) of an encoded photo: `(size, size, 3)` float32.

    Of a JPEG only the crop is decoded, at a half, a quarter or an eighth where that leaves `size`
    pixels. Aspect ratios are drawn uniformly, as `sample_distorted_bounding_box` does, and not in log
    space as torchvision does.
    """
    seed = draws.seed()
    image = tf.case(
        [
            (_is_plain(encoded), lambda: _of_plain(encoded, size, crop, seed)),
            (_is_tiny(encoded, size), lambda: _of_tiny(encoded, size, crop, seed)),
        ],
        lambda: _of_any(encoded, size, crop, seed),
    )
    return tf.ensure_shape(image, (size, size, 3))


def _is_plain(encoded: Any) -> Any:
    """Whether it is a JPEG without EXIF, as data sets have them.

    After the JFIF segment, if any, the pixels' tables begin. Nothing turns such a photo, and TensorFlow
    alone can tell its size.
    """
    start = tf.strings.join([tf.strings.substr(encoded, 0, JFIF_BYTES + 2), bytes(JFIF_BYTES + 2)])
    is_jfif = tf.strings.substr(start, 0, len(JFIF)) == JFIF
    segment = tf.strings.substr(start, tf.where(is_jfif, JFIF_BYTES, len(START)), 2)
    return (tf.strings.substr(start, 0, len(START)) == START) & tf.reduce_any(segment == TABLES)


def _of_plain(encoded: Any, size: int, crop: Crop, seed: Any) -> Any:
    window = _window(tf.io.extract_jpeg_shape(encoded), crop, seed)
    return _resized(_decoded(encoded, window, size), size)


def _is_tiny(encoded: Any, size: int) -> Any:
    return is_tiny_png(encoded) if size <= MOST_SIDE else tf.constant(False)


def _of_tiny(encoded: Any, size: int, crop: Crop, seed: Any) -> Any:
    image = decode_tiny_png(encoded)
    top, left, height, width = tf.unstack(_window(tf.shape(image), crop, seed))
    rows = Axis(tf.shape(image)[0], (top, height), size, 0, size)
    columns = Axis(tf.shape(image)[1], (left, width), size, 0, size)
    return tf.cast(resized(image, rows, columns, "bilinear"), tf.float32)


def _of_any(encoded: Any, size: int, crop: Crop, seed: Any) -> Any:
    facts = tf.ensure_shape(of_content(_facts, encoded, tf.int32), (3,))
    height, width, orientation = tf.unstack(facts)
    window = _window(tf.stack([height, width, 3]), crop, seed)

    def of_jpeg() -> Any:
        image = _decoded(encoded, _stored(window, height, width, orientation), size)
        return _resized(_upright(image, orientation), size)

    def read(content: bytes, window: np.ndarray) -> np.ndarray:
        top, left, rows, columns = window.tolist()
        return read_crop(content, (top, left, rows, columns), size)

    def of_other() -> Any:
        return tf.cast(of_content(read, encoded, tf.uint8, window), tf.float32)

    return tf.cond(orientation > 0, of_jpeg, of_other)


def _facts(encoded: bytes) -> np.ndarray:
    """Upright height and width, and the orientation; 0 where TensorFlow is not to decode it."""
    photo = read_header(encoded)
    # TensorFlow's decoder makes other colours of CMYK.
    by_tensorflow = photo.format == "JPEG" and photo.mode in ("L", "RGB")
    return np.array(
        [photo.height, photo.width, photo.orientation if by_tensorflow else 0], np.int32
    )


def _window(shape: Any, crop: Crop, seed: Any) -> Any:
    """Top, left, height and width of a random crop."""
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        tf.zeros((1, 0, 4)),
        seed=seed,
        min_object_covered=0.0,
        aspect_ratio_range=crop.aspect_ratio,
        area_range=crop.area,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.stack([begin[0], begin[1], extent[0], extent[1]])


def _stored(window: Any, height: Any, width: Any, orientation: Any) -> Any:
    """An upright window where the file has it."""
    top, left, rows, columns = tf.unstack(window)
    left = tf.where(_is(FLIPPED_ACROSS, orientation), width - left - columns, left)
    top = tf.where(_is(FLIPPED_DOWN, orientation), height - top - rows, top)
    return tf.where(
        _is(TRANSPOSED, orientation),
        tf.stack([left, top, columns, rows]),
        tf.stack([top, left, rows, columns]),
    )


def _upright(image: Any, orientation: Any) -> Any:
    image = tf.cond(
        _is(TRANSPOSED, orientation), lambda: tf.transpose(image, (1, 0, 2)), lambda: image
    )
    across = tf.where(_is(FLIPPED_ACROSS, orientation), -1, 1)
    down = tf.where(_is(FLIPPED_DOWN, orientation), -1, 1)
    return tf.ensure_shape(image[::down, ::across], (None, None, 3))


def _is(table: tuple[bool, ...], orientation: Any) -> Any:
    return tf.gather(tf.constant(table), orientation - 1)


def _decoded(encoded: Any, window: Any, size: int) -> Any:
    """The window of a JPEG, at the smallest scale that leaves `size` pixels a side."""

    def at(ratio: int) -> Any:
        top, left, height, width = tf.unstack(window // ratio)
        # libjpeg's crop is of the scaled image.
        return tf.io.decode_and_crop_jpeg(
            encoded,
            tf.stack([top, left, height, width]),
            channels=3,
            ratio=ratio,
            dct_method="INTEGER_ACCURATE",  # as Pillow
            try_recover_truncated=True,  # Pillow's pardon for a damaged end marker
        )

    spare = tf.reduce_min(window[2:]) // size
    index = tf.reduce_sum(tf.cast(spare >= RATIOS, tf.int32))
    image = tf.cond(
        spare < 2,
        lambda: at(1),
        lambda: tf.switch_case(index - 2, [lambda ratio=ratio: at(ratio) for ratio in RATIOS[1:]]),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _resized(image: Any, size: int) -> Any:
    # Up to a half, bilinear sampling reads about every pixel anyway, in less than half the time.
    return tf.cond(
        tf.reduce_max(tf.shape(image)) > 2 * size,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
