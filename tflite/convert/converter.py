"""Keras to `.tflite` bytes, by TensorFlow's converter."""

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_resnets._common.console import progress, silent_output
from keras_resnets.errors import UserError
from keras_resnets.layers import GroupedConv2D

from ..formats import FLOAT32, NumberFormat
from .keras_model import SCOPE
from .markers import Markers


def convert(
    model: keras.Model, format: NumberFormat = FLOAT32, calibration: Sequence[np.ndarray] = ()
) -> bytes:
    """Converts a model.

    The float32 file is what `tflite.quantize` starts from; the other formats are TensorFlow's own way
    there, which `docs/quantisation.md` compares.

    Args:
        model: What `tflite.convert.keras_model.phone_model` makes.
        format: The number format.
        calibration: Inputs `(1, height, width, channels)`, for formats that are calibrated.

    Raises:
        UserError: For layers that TFLite's own operators cannot express, by name.
    """
    if format == FLOAT32:
        markers = Markers()
        with GroupedConv2D.constants_made_by(markers.mark):
            function = traced(model)
        content = markers.replaced(_converted(function, format, calibration))
        if content is not None:
            return content
    return _converted(traced(model), format, calibration)


def traced(model: keras.Model) -> Any:
    """The function of a model for inference, of TensorFlow."""
    import tensorflow as tf

    (images,) = model.inputs

    @tf.function(
        input_signature=[tf.TensorSpec(images.shape, images.dtype, "images")], autograph=False
    )
    def infer(images: Any) -> Any:
        return model(images, training=False)

    return infer.get_concrete_function()


def read_by(function: Any) -> list[Any]:
    """The variables whose values a traced function reads."""
    handles = {id(handle) for handle in function.captured_inputs}
    return [variable for variable in function.variables if id(variable.handle) in handles]


def _converted(function: Any, format: NumberFormat, calibration: Sequence[np.ndarray]) -> bytes:
    """What TensorFlow makes of a traced function."""
    import tensorflow as tf

    recipe = format.tensorflow
    if recipe is None:
        raise UserError(
            f"Expected a number format that TensorFlow's converter has. Received: {format.name}. "
            "LiteRT Quantizer has it: --quantizer litert."
        )

    def representative() -> Iterator[list[np.ndarray]]:
        for image in progress(calibration, "calibrating, image", len(calibration)):
            yield [image]

    held = tf.Module()  # what TensorFlow saves to convert it
    held.variables_read = read_by(function)
    # It prints where it saves what it converts, and what that takes and gives.
    with silent_output(), warnings.catch_warnings():
        # The images that it calibrates with tell them.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], held)
        if recipe.optimize:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [getattr(tf, name) for name in recipe.types]
        if recipe.operators is not None:
            converter.target_spec.supported_ops = [getattr(tf.lite.OpsSet, recipe.operators)]
        if format.calibrated:
            converter.representative_dataset = representative
        try:
            content: bytes = converter.convert()
        except Exception as error:  # whatever stage of the converter gave up
            missing = _missing_operators(str(error), function.graph)
            if not missing:
                raise
            raise UserError(
                "Expected layers that TFLite's own operators can express. "
                f"Received: {missing}. Replace the layers that use them."
            ) from error
    return content


def _missing_operators(message: str, graph: Any) -> str:
    """What the converter says it cannot express, and in which layers; empty for another failure."""
    kinds = re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", message)
    if not kinds:
        return ""
    found = [op.name for op in graph.get_operations() if op.type in kinds]
    places = [SCOPE.split(name.partition("/")[-1])[-1] for name in found]
    operators = (f"tf.{kind}" for kind in dict.fromkeys(kinds))
    return f"{', '.join(operators)} in {', '.join(dict.fromkeys(places))}"
