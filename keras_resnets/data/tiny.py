"""Tiny PNGs, as digits and CIFAR's images are: decoded and resized within the graph.

To call Python takes longer than all there is to do for so few pixels: 280 microseconds of a core from
28 x 28 to 32 x 32 instead of 130. The pixels are Pillow's, bit for bit.
"""

import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

Interpolation = Literal["bilinear", "bicubic"]

MOST_SIDE = 64  # pixels, before and after: resized by dense matrices
UNIT = 2.0**22  # Pillow's weights are whole numbers of its inverse

# How such a file begins, -1 where the bytes differ: the header with its width, height, 8 bits, the
# colour type, not interlaced, and its checksum; then the length of the data and its name.
_BEGIN = np.array(
    [
        *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
        *(0, 0, 0, -1, 0, 0, 0, -1, 8, -1, 0, 0, 0, -1, -1, -1, -1),
        *(0, 0, -1, -1, *b"IDAT"),
    ],
    "int32",
)
_FRAMES = 33 + 12 + 12  # bytes beside the data
_GREY, _RGB = 0, 2


def is_tiny_png(encoded: "tf.Tensor") -> "tf.Tensor":
    """Whether a file is a tiny PNG whose pixels are simply what is stored.

    It is grey or RGB, of 8 bits a channel, not interlaced, and nothing but a header, one chunk of data
    and the end: by further chunks it might be turned or transparent. Nor is it higher than wide, where
    Pillow resizes the rows first, from version 13 on and at some sizes; or more than twice as wide as
    high, where `Preprocessing` may resize in another way.

    Args:
        encoded: Scalar string: the content of an image file.

    Returns:
        Scalar bool: `True` only for sides of at most 64 pixels.

    Example:
        >>> import tensorflow as tf
        >>> bool(is_tiny_png(tf.io.encode_png(tf.zeros((28, 28, 1), tf.uint8))))
        True
    """
    import tensorflow as tf

    padded = tf.strings.join([encoded, bytes(len(_BEGIN))])
    begin = tf.cast(tf.io.decode_raw(tf.strings.substr(padded, 0, len(_BEGIN)), tf.uint8), tf.int32)
    width, height, colour, high, low = tf.unstack(tf.gather(begin, (19, 23, 25, 35, 36)))
    return (
        tf.reduce_all((begin == _BEGIN) | (_BEGIN < 0))
        & ((height > 0) & (height <= width) & (width <= 2 * height) & (width <= MOST_SIDE))
        & ((colour == _GREY) | (colour == _RGB))
        & (tf.strings.length(encoded) == _FRAMES + 256 * high + low)
    )


def decode_tiny_png(encoded: "tf.Tensor") -> "tf.Tensor":
    """The pixels of a file that `is_tiny_png`.

    Args:
        encoded: Scalar string: the content of an image file.

    Returns:
        `(H, W, 3)` uint8, RGB.
    """
    import tensorflow as tf

    return tf.io.decode_png(encoded, channels=3)


@dataclasses.dataclass(frozen=True)
class Axis:
    """How one side of an image is resized.

    Attributes:
        old: Number of pixels of the image, a scalar int32.
        box: First and number of the pixels that are resized to `new`, scalars int32.
        new: Number of pixels that they become.
        first: The first of these that is wanted.
        count: How many are wanted.
    """

    old: "tf.Tensor"
    box: tuple["tf.Tensor | int", "tf.Tensor"]
    new: "tf.Tensor | int"
    first: "tf.Tensor | int"
    count: int


def resized(
    image: "tf.Tensor", rows: Axis, columns: Axis, interpolation: Interpolation
) -> "tf.Tensor":
    """An image resized with antialiasing: Pillow's arithmetic, as matrices.

    Args:
        image: The pixels, `(H, W, 3)` uint8, few of them.
        rows: How its height is resized.
        columns: How its width is.
        interpolation: `"bilinear"` or `"bicubic"`.

    Returns:
        `(rows.count, columns.count, 3)` uint8.

    Example:
        >>> import tensorflow as tf
        >>> image = tf.constant([[[0, 0, 0], [200, 100, 40]]] * 2, tf.uint8)
        >>> axis = Axis(old=tf.constant(2), box=(0, tf.constant(2)), new=4, first=0, count=4)
        >>> resized(image, axis, axis, "bilinear")[0, :, 0].numpy()
        array([  0,  50, 150, 200], dtype=uint8)
    """
    import tensorflow as tf

    values = _bytes(tf.matmul(_weights(columns, interpolation), tf.cast(image, tf.float64)))
    flat = tf.reshape(values, (-1, columns.count * 3))  # bytes between the two passes
    values = _bytes(tf.matmul(_weights(rows, interpolation), flat))
    return tf.cast(tf.reshape(values, (rows.count, columns.count, 3)), tf.uint8)


def _weights(axis: Axis, interpolation: Interpolation) -> "tf.Tensor":
    """`(count, old)` whole numbers: what each old pixel counts for the new ones."""
    import tensorflow as tf

    old, begin, length, new, first = (
        tf.cast(number, tf.float64) for number in (axis.old, *axis.box, axis.new, axis.first)
    )
    scale = length / new
    centres = begin + (tf.range(axis.count, dtype=tf.float64) + (first + 0.5)) * scale
    # Ties fall as Pillow's do: it multiplies by the inverse. Of a plain 1 / x TensorFlow's optimiser
    # would make a division again.
    narrowed = tf.where(scale > 1, 1 / scale, 1)
    distance = tf.abs(tf.range(old, dtype=tf.float64) - centres[:, None] + 0.5) * narrowed
    if interpolation == "bilinear":
        weights = tf.maximum(1 - distance, 0)
    else:
        near = (1.5 * distance - 2.5) * distance**2 + 1
        far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
        weights = tf.where(distance < 1, near, tf.where(distance < 2, far, 0))
    weights = weights / tf.reduce_sum(weights, 1, keepdims=True) * UNIT
    return tf.sign(weights) * tf.floor(tf.abs(weights) + 0.5)


def _bytes(sums: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.clip_by_value(tf.floor(sums / UNIT + 0.5), 0, 255)
