"""Labelled images as `tf.data` pipelines, wherever their encoded bytes come from."""

import dataclasses
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing, read_image

if TYPE_CHECKING:
    import tensorflow as tf

SPLITS = ("train", "validation", "test")


class Source(Protocol):
    """Where the encoded images of a split come from."""

    def __call__(self, split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        """A data set of (encoded bytes, int64 label)."""


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Labelled images in three splits.

    Attributes:
        name: The data set's name, or the folder's.
        class_names: In the order of the labels.
        sizes: Number of images by split: `"train"`, `"validation"`, `"test"`.
        left_out: Files that are not used because they cannot be decoded.
        source: Reads a split's encoded images; `examples` is the way to use it.
    """

    name: str
    class_names: tuple[str, ...]
    sizes: Mapping[str, int]
    source: Source = dataclasses.field(repr=False, compare=False)
    left_out: tuple[str, ...] = ()

    def examples(
        self, split: str, *, decode: bool = True, shuffle_files: bool = False
    ) -> "tf.data.Dataset":
        """The images of a split, one by one.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            decode: Whether to decode the images, or to give their bytes as they are stored.
            shuffle_files: Whether files are read in random order. Otherwise the order is fixed and
                mixes the classes, but is no substitute for shuffling.

        Returns:
            A data set of `(uint8 RGB (H, W, 3), int64 label)`, or with `decode=False` of
            `(scalar string, int64 label)`.
        """
        import tensorflow as tf

        if not self.sizes.get(split):
            raise UserError(
                f"Expected a split of {self.name} that holds images: "
                f"{[name for name in SPLITS if self.sizes[name]]}. Received: split={split!r}"
            )
        encoded = self.source(split, shuffle_files=shuffle_files)
        if not decode:
            return encoded
        return encoded.map(
            lambda image, label: (decode_image(image), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=not shuffle_files,
        )


def decode_image(encoded: "tf.Tensor") -> "tf.Tensor":
    """Decodes an image inside a graph, to what `keras_resnets.preprocessing.read_image` gives.

    Args:
        encoded: Scalar string: the content of an image file.

    Returns:
        `(H, W, 3)` uint8, RGB.
    """
    import tensorflow as tf

    def jpeg() -> "tf.Tensor":
        # Pillow's inverse transform, and its pardon for a damaged end marker.
        return tf.io.decode_jpeg(
            encoded, channels=3, dct_method="INTEGER_ACCURATE", try_recover_truncated=True
        )

    def png() -> "tf.Tensor":
        return tf.io.decode_png(encoded, channels=3)

    def other() -> "tf.Tensor":
        # TensorFlow's BMP decoder knows no palette, its GIF decoder reads every frame.
        return tf.numpy_function(read_image, [encoded], tf.uint8, stateful=False)

    start = tf.strings.substr(encoded, 0, 3)
    image = tf.case([(start == b"\xff\xd8\xff", jpeg), (start == b"\x89PN", png)], default=other)
    return tf.ensure_shape(image, (None, None, 3))


def evaluation_batches(
    data: ImageData, split: str, preprocessing: Preprocessing, batch_size: int
) -> "tf.data.Dataset":
    """A split as the model is to see it, once, in a fixed order.

    It is `Preprocessing.pixels` as a graph; Pillow and TensorFlow differ by rounding alone.

    Returns:
        A data set of `(float32 (batch, height, width, 3), int64 (batch,))`, where the last batch
        may be smaller.
    """
    import tensorflow as tf

    def prepare(image: "tf.Tensor", label: "tf.Tensor") -> tuple["tf.Tensor", "tf.Tensor"]:
        return preprocessing.normalize(_pixels(image, preprocessing)), label

    return without_stalls(
        data.examples(split)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(batch_size)
        .prefetch(tf.data.AUTOTUNE)
    )


def without_stalls(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """The same data set under the options with which Keras' loops lose no time on a CPU.

    - All threads. Each operation of a data set runs on one thread, by tf.data's default. Keras draws
      its batch inside the graph of the step, and where the batch was not ready the rest of the graph,
      the network, runs on tf.data's thread with that limit: about half of the steps take a core alone.
    - No tuner. tf.data's thread that tunes `AUTOTUNE` wakes after 10, 20, 40, … ms, at last every
      minute, and the end of a pass may wait for it: of 40 calls of `predict` 14 took 1,265 ms for
      650 (docs/performance.md). Without it `AUTOTUNE` means one call a core, at most 16.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = (
        tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    )
    options.autotune.enabled = False
    return dataset.with_options(options)


def _pixels(image: "tf.Tensor", preprocessing: Preprocessing) -> "tf.Tensor":
    """`Preprocessing.pixels` as a graph, in float32."""
    import tensorflow as tf

    def resized_shape(image_shape: np.ndarray) -> np.ndarray:
        return np.asarray(preprocessing.resized(*image_shape.tolist()), "int32")

    shape = tf.numpy_function(resized_shape, [tf.shape(image)[:2]], tf.int32, stateful=False)
    shape = tf.ensure_shape(shape, (2,))
    resized = tf.image.resize(
        image, shape, preprocessing.interpolation, antialias=preprocessing.antialias
    )
    # Pillow's pixels are bytes; bicubic overshoots them.
    resized = tf.clip_by_value(tf.round(resized), 0, 255)
    height, width = preprocessing.shape
    # Both round halves to even.
    spare = tf.cast(shape - [height, width], tf.float32)
    top, left = tf.unstack(tf.cast(tf.round(spare / 2), tf.int32))
    return tf.ensure_shape(resized[top : top + height, left : left + width], (height, width, 3))
