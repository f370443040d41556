"""`keras_cv_attention_models`, on the legacy Keras that it needs: its `.tflite` files."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras_cv_attention_models import model_surgery, models

from benchmarks.rivals.engines.protocol import Call, images, kept_aside, serve
from benchmarks.rivals.engines.randomize import randomize_norms


def export(model: str, mode: str, file: str, calibration_images: int) -> Call:
    """A `.tflite` file by TensorFlow's converter, after kecam's own preparation."""
    trained = getattr(models, model)(
        input_shape=(224, 224, 3), pretrained=None, classifier_activation=None
    )
    randomize_norms(trained)
    calibration = images(calibration_images, 224)

    def representative() -> Iterator[list[np.ndarray]]:
        for image in calibration:
            yield [image[None]]

    def call() -> None:
        prepared = model_surgery.prepare_for_tflite(trained)
        converter = tf.lite.TFLiteConverter.from_keras_model(prepared)
        if mode == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        content = converter.convert()
        with kept_aside(file) as path:
            Path(path).write_bytes(content)

    return call


if __name__ == "__main__":
    serve({"export": export})
