"""What pixels become: Pillow's operations as graphs.

An image is `(height, width, 3)` float32 with whole values in [0, 255], before and after; what Pillow
computes in bytes comes out the same to one unit.
"""

from typing import Any

import tensorflow as tf

from ..config import Jitter
from .draws import Draws

GREY = (0.299, 0.587, 0.114)  # ITU-R 601-2, as in Pillow's convert("L")


def blend(other: Any, image: Any, factor: Any) -> Any:
    """`other` for factor 0, `image` for 1, beyond it for more."""
    return tf.clip_by_value(tf.floor(other + factor * (image - other) + 0.5), 0.0, 255.0)


def grey(image: Any) -> Any:
    return tf.round(tf.reduce_sum(image * GREY, axis=-1, keepdims=True))


def brightness(image: Any, factor: Any) -> Any:
    return blend(tf.zeros_like(image), image, factor)


def contrast(image: Any, factor: Any) -> Any:
    return blend(tf.floor(tf.reduce_mean(grey(image)) + 0.5), image, factor)


def saturation(image: Any, factor: Any) -> Any:
    return blend(grey(image), image, factor)


def sharpness(image: Any, factor: Any) -> Any:
    """Blends with a smoothed image, whose border stays as it is."""
    kernel = tf.constant([[1, 1, 1], [1, 5, 1], [1, 1, 1]], tf.float32) / 13
    kernel = tf.tile(kernel[:, :, None, None], (1, 1, 3, 1))
    smooth = tf.nn.depthwise_conv2d(image[None], kernel, (1, 1, 1, 1), "VALID")[0]
    border = tf.pad(tf.ones_like(smooth), [(1, 1), (1, 1), (0, 0)]) == 0
    smooth = tf.where(border, image, tf.pad(tf.round(smooth), [(1, 1), (1, 1), (0, 0)]))
    return blend(smooth, image, factor)


def posterize(image: Any, bits: Any) -> Any:
    """Keeps the highest bits of each value."""
    step = tf.cast(2 ** (8 - tf.cast(bits, tf.int32)), tf.float32)
    return tf.floor(image / step) * step


def solarize(image: Any, threshold: Any) -> Any:
    """Inverts the values from the threshold on."""
    return tf.where(image < threshold, image, 255 - image)


def invert(image: Any) -> Any:
    return 255 - image


def auto_contrast(image: Any) -> Any:
    """Stretches each channel to [0, 255]."""
    low = tf.reduce_min(image, axis=(0, 1))
    high = tf.reduce_max(image, axis=(0, 1))
    stretched = tf.floor((image - low) * 255 / tf.maximum(high - low, 1))
    return tf.where(high > low, stretched, image)


def equalize(image: Any) -> Any:
    """Makes each channel's histogram as flat as can be."""
    return tf.stack([_equalized(channel) for channel in tf.unstack(image, axis=-1)], axis=-1)


def _equalized(channel: Any) -> Any:
    values = tf.cast(channel, tf.int32)
    counts = tf.math.bincount(tf.reshape(values, [-1]), minlength=256, maxlength=256)
    step = (tf.reduce_sum(counts) - counts[tf.reduce_max(values)]) // 255
    table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
    table = tf.cast(tf.clip_by_value(table, 0, 255), tf.float32)
    return tf.where(step > 0, tf.gather(table, values), channel)


def random_jitter(image: Any, jitter: Jitter, draws: Draws) -> Any:
    """Brightness, contrast and saturation, in this order (torchvision draws the order too)."""
    image = tf.round(image)
    for change, strength in (
        (brightness, jitter.brightness),
        (contrast, jitter.contrast),
        (saturation, jitter.saturation),
    ):
        if strength:
            image = change(image, draws.uniform(1 - strength, 1 + strength))
    return image
