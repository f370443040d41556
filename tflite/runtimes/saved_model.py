"""TensorFlow's SavedModel, for TensorFlow Serving and its kin."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_resnets.card import Card
from keras_resnets.preprocessing import Preprocessing

PIXELS, ENCODED = "serving_default", "encoded"  # the signatures
# Where TensorFlow keeps what it hands on without reading it.
EXTRA = "assets.extra"


def write(model: keras.Model, card: Card, folder: Path) -> None:
    """Writes a folder with two signatures and the class names.

    `serving_default` takes `pixels`, `(n, height, width, 3)` uint8, as the model does; `encoded` takes
    `content`, `(n,)` strings: the bytes of JPEG, PNG, GIF or BMP files, as they are stored: EXIF's
    orientation is not obeyed. Both give `probabilities`. `assets.extra` holds `classes.txt`, and
    `card.json` with the preprocessing.

    Args:
        model: The model, as `served_model` makes it.
        card: The model's card.
        folder: The folder to be, which is not there yet.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)

    def of_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model(pixels)}

    def of_encoded(content: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.map_fn(
            lambda one: _read(one, card.preprocessing), content, fn_output_signature=tf.uint8
        )
        return of_pixels(tf.ensure_shape(pixels, model.input_shape))

    archive.add_endpoint(PIXELS, of_pixels, [tf.TensorSpec(model.input_shape, tf.uint8, "pixels")])
    archive.add_endpoint(ENCODED, of_encoded, [tf.TensorSpec((None,), tf.string, "content")])
    archive.write_out(str(folder), verbose=False)
    extra = folder / EXTRA
    extra.mkdir()
    names = "".join(f"{name}\n" for name in card.class_names)
    (extra / "classes.txt").write_text(names, "utf-8")
    (extra / "card.json").write_text(card.public().to_json(), "utf-8")


def opened(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The function of pixels that a folder holds, run by TensorFlow."""
    loaded = tf.saved_model.load(str(folder))
    signature = loaded.signatures[PIXELS]

    def run(pixels: np.ndarray) -> np.ndarray:
        assert loaded is not None  # it owns the variables
        probabilities: np.ndarray = signature(pixels=tf.constant(pixels))["probabilities"].numpy()
        return probabilities

    return run


def _read(content: tf.Tensor, preprocessing: Preprocessing) -> tf.Tensor:
    """`Preprocessing.read` by the operators that a server has: off by a step or two of 255."""
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, (None, None, 3))
    sides = tf.shape(image)[:2]
    covered = preprocessing.resized_shape
    if covered[0] == covered[1]:
        resized = covered[0] * sides // tf.reduce_min(sides)
    else:
        ratio = tf.reduce_min(tf.cast(sides, tf.float64) / covered)
        resized = tf.cast(tf.round(tf.cast(sides, tf.float64) / ratio), tf.int32)
    height, width = preprocessing.shape
    scaled = tf.image.resize(
        image, resized, method=preprocessing.interpolation, antialias=preprocessing.antialias
    )
    corner = tf.cast(tf.round(tf.cast(resized - preprocessing.shape, tf.float64) / 2), tf.int32)
    cropped = tf.slice(scaled, [corner[0], corner[1], 0], [height, width, 3])
    return tf.cast(tf.clip_by_value(tf.round(cropped), 0, 255), tf.uint8)
