"""Where pixels come from: crops, mirror images, affine maps."""

import math
from typing import Any

import tensorflow as tf

from keras_resnets.data import decode_image

from ..config import Crop, Preprocessing, Shift
from .draws import Draws

JPEG = b"\xff\xd8\xff"


def random_crop(encoded: Any, size: int, crop: Crop, draws: Draws) -> Any:
    """A random-resized crop (Szegedy et al., 2015) of an encoded image: `(size, size, 3)` float32.

    Of a JPEG only the crop is decoded. Aspect ratios are drawn uniformly, as
    `sample_distorted_bounding_box` does, and not in log space as torchvision does.
    """
    is_jpeg = tf.strings.substr(encoded, 0, len(JPEG)) == JPEG

    def of_jpeg() -> Any:
        window = _window(tf.io.extract_jpeg_shape(encoded), crop, draws)
        return tf.io.decode_and_crop_jpeg(encoded, window, channels=3)

    def of_other() -> Any:
        image = decode_image(encoded)
        return tf.image.crop_to_bounding_box(
            image, *tf.unstack(_window(tf.shape(image), crop, draws))
        )

    image = tf.cond(is_jpeg, of_jpeg, of_other)
    # Up to a half, bilinear sampling reads about every pixel anyway, in less than half the time.
    image = tf.cond(
        tf.reduce_max(tf.shape(image)) > 2 * size,
        lambda: tf.image.resize(image, (size, size), antialias=True),
        lambda: tf.image.resize(image, (size, size)),
    )
    return tf.ensure_shape(image, (size, size, 3))


def _window(shape: Any, crop: Crop, draws: Draws) -> Any:
    """Top, left, height and width of a random crop."""
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        shape,
        tf.zeros((1, 0, 4)),
        seed=draws.seed(),
        min_object_covered=0.0,
        aspect_ratio_range=crop.aspect_ratio,
        area_range=crop.area,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.stack([begin[0], begin[1], extent[0], extent[1]])


def centre_crop(encoded: Any, preprocessing: Preprocessing) -> Any:
    """The geometry of evaluation: `(size, size, 3)` float32."""
    image = decode_image(encoded)
    size = preprocessing.size
    short = math.floor(size / preprocessing.crop_fraction)
    sides = tf.shape(image)[:2]
    resized = short * sides // tf.reduce_min(sides)
    image = tf.image.resize(
        image, resized, preprocessing.interpolation, antialias=preprocessing.antialias
    )
    top, left = tf.unstack((resized - size) // 2)
    return tf.ensure_shape(image[top : top + size, left : left + size], (size, size, 3))


def random_flip(image: Any, draws: Draws) -> Any:
    """Mirrors half of the images, left to right."""
    return tf.cond(draws.chance(0.5), lambda: image[:, ::-1], lambda: image)


def random_shift(image: Any, shift: Shift, draws: Draws) -> Any:
    """Rotates, scales and moves an image by amounts drawn from symmetric ranges."""
    height, width = image.shape[:2]
    angle = draws.uniform(-1.0, 1.0) * math.radians(shift.rotation)
    scale = 1 + draws.uniform(-1.0, 1.0) * shift.zoom
    right = draws.uniform(-1.0, 1.0) * shift.translation * width
    down = draws.uniform(-1.0, 1.0) * shift.translation * height
    cosine, sine = tf.cos(angle) / scale, tf.sin(angle) / scale
    matrix = [[cosine, -sine], [sine, cosine]]
    return affine(image, matrix, offset=(right, down), fill=0.0)


def affine(image: Any, matrix: Any, *, offset: Any = (0.0, 0.0), fill: float) -> Any:
    """Reads each output pixel at `matrix @ (x, y) + offset`, relative to the centre; bilinear.

    Args:
        image: `(height, width, channels)` float32 of static shape.
        matrix: 2x2, rows for x and y.
        offset: x and y in pixels.
        fill: the value of what lies outside.
    """
    height, width = image.shape[:2]
    x, y = (width - 1) / 2, (height - 1) / 2
    (a, b), (c, d) = matrix
    transform = [
        *(a, b, offset[0] + x - a * x - b * y),
        *(c, d, offset[1] + y - c * x - d * y),
        *(0.0, 0.0),
    ]
    outputs = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([tf.cast(value, tf.float32) for value in transform])[None],
        output_shape=(height, width),
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[0]
    return tf.ensure_shape(outputs, image.shape)
