"""Where pixels move to: mirror images and affine maps."""

import math
from typing import Any

import tensorflow as tf

from ..config import Shift
from .draws import Draws


def random_flip(image: Any, draws: Draws) -> Any:
    """Mirrors half of the images, left to right."""
    return tf.cond(draws.chance(0.5), lambda: image[:, ::-1], lambda: image)


def random_shift(image: Any, shift: Shift, draws: Draws) -> Any:
    """Rotates, scales and moves an image by amounts drawn from symmetric ranges.

    What is moved alone is moved by whole pixels: between them it would be blurred, as no test image is.
    """
    height, width = image.shape[:2]
    angle = draws.uniform(-1.0, 1.0) * math.radians(shift.rotation)
    scale = 1 + draws.uniform(-1.0, 1.0) * shift.zoom
    right = draws.uniform(-1.0, 1.0) * shift.translation * width
    down = draws.uniform(-1.0, 1.0) * shift.translation * height
    if not shift.rotation and not shift.zoom:
        right, down = tf.round(right), tf.round(down)
    cosine, sine = tf.cos(angle) / scale, tf.sin(angle) / scale
    matrix = [[cosine, -sine], [sine, cosine]]
    return affine(image, matrix, offset=(right, down), fill=0.0)


def affine(image: Any, matrix: Any, *, offset: Any = (0.0, 0.0), fill: float) -> Any:
    """Reads each output pixel at `matrix @ (x, y) + offset`, relative to the centre; bilinear.

    Args:
        image: `(height, width, channels)` float32 of static shape.
        matrix: 2x2, rows for x and y.
        offset: Offset along x and y in pixels.
        fill: The value of what lies outside.
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
