"""Keras to `.tflite` bytes, by TensorFlow's converter."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

import keras
import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.errors import UserError

from ..formats import FLOAT16, FLOAT32, INT16X8, Mode

SILENT = io.StringIO()


def convert(
    model: keras.Model,
    mode: Mode = FLOAT32,
    calibration: Sequence[np.ndarray] = (),
    *,
    terminal: TextIO = SILENT,
) -> bytes:
    """Converts a model.

    The float32 file is what `tflite.quantize` starts from; the other modes are TensorFlow's own way
    there, which `docs/quantisation.md` compares.

    Args:
        model: what `tflite.convert.keras_model.phone_model` makes.
        mode: the number format.
        calibration: inputs `(1, height, width, channels)`, for modes that are calibrated.
        terminal: where progress is shown.

    Raises:
        ValueError: for layers that TFLite's own operators cannot express, by name.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if mode != FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    if mode.calibrated:
        operators = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if mode == INT16X8
            else operators.TFLITE_BUILTINS_INT8
        ]

        def representative() -> Iterator[list[np.ndarray]]:
            for image in progress(calibration, "calibrating, image", len(calibration), terminal):
                yield [image]

        converter.representative_dataset = representative
    try:
        return converter.convert()
    except Exception as error:  # whatever stage of the converter gave up
        missing = _missing_operators(str(error))
        if not missing:
            raise
        raise UserError(
            "Expected layers that TFLite's own operators can express. "
            f"Received: {missing}. Replace the layers that use them."
        ) from error


def _missing_operators(message: str) -> str:
    """What the converter says it cannot express, and in which layers; empty for another failure."""
    operators = re.findall(r"'(tf\.\w+)' op is neither a custom op nor a flex op", message)
    places = re.findall(r'"[^"@/]+/([^"@]+)@', message)
    if not operators:
        return ""
    return f"{', '.join(dict.fromkeys(operators))} in {', '.join(dict.fromkeys(places))}"
