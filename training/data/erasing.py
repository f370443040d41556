"""Random erasing: a rectangle of noise."""

import math
from typing import Any

import tensorflow as tf

from keras_resnets.preprocessing import Preprocessing

from ..config import Erasing
from .draws import Draws


def random_erasing(image: Any, erasing: Erasing, preprocessing: Preprocessing, draws: Draws) -> Any:
    """Fills a rectangle with normal noise of the data's mean and deviation (Zhong et al., 2020).

    Args:
        image: `(height, width, 3)` float32 pixels in [0, 255].
        erasing: The recipe's settings of the rectangle.
        preprocessing: The model's preprocessing, whose mean and deviation the noise has.
        draws: The draws of this image.
    """
    height, width = image.shape[:2]
    area = draws.uniform(*erasing.area) * (height * width)
    ratio = tf.exp(draws.uniform(*map(math.log, erasing.aspect_ratio)))
    rows = tf.minimum(tf.sqrt(area / ratio), height)
    columns = tf.minimum(tf.sqrt(area * ratio), width)
    inside = rectangle(
        (height, width),
        draws.uniform() * (height - rows),
        draws.uniform() * (width - columns),
        rows,
        columns,
    )
    seed = draws.seed()

    def erased() -> Any:
        noise = tf.random.stateless_normal(image.shape, seed)
        noise = (noise * preprocessing.std + preprocessing.mean) * 255
        return tf.where(inside, noise, image)

    return tf.cond(draws.chance(erasing.probability), erased, lambda: image)


def rectangle(shape: tuple[int, int], top: Any, left: Any, rows: Any, columns: Any) -> Any:
    """`(height, width, 1)`, true where a pixel's centre lies in the rectangle."""
    y = tf.range(shape[0], dtype=tf.float32) + 0.5
    x = tf.range(shape[1], dtype=tf.float32) + 0.5
    inside_y = (y >= top) & (y < top + rows)
    inside_x = (x >= left) & (x < left + columns)
    return (inside_y[:, None] & inside_x[None, :])[..., None]
