"""Where an integer file departs from the float model: the error behind each layer."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

from ..convert.export import Exporter, Options
from ..file.inspection import layer_of
from ..file.packing import unpack
from ..file.runtime import Tracer
from ..trained import TrainedModel

IMAGES = 20  # on which the errors are measured


@dataclass(frozen=True)
class LayerError:
    """The error of what a layer gives.

    Attributes:
        layer: Name of the layer.
        relative: Root mean square of the error to that of the float activation.
        worst: The highest such error of an operator within the layer.
        worst_operator: The name of that operator's output.
    """

    layer: str
    relative: float
    worst: float
    worst_operator: str


def layer_errors(
    float_model: bytes, quantized: bytes, names: Collection[str], inputs: Sequence[np.ndarray]
) -> list[LayerError]:
    """Runs both on the same inputs, and compares what has the same name.

    Args:
        float_model: The float32 model that was quantised.
        quantized: The quantized model.
        names: Names of the layers.
        inputs: Inputs of both, `(1, height, width, channels)` each.

    Returns:
        The layers in order.
    """
    threads = os.cpu_count() or 1
    reference, other = (Tracer(model, threads=threads) for model in (float_model, quantized))
    squares: dict[str, list[float]] = {}
    for image in inputs:
        exact = {name: value.astype("float64") for name, value in reference(image)}
        errors = {
            name: float(np.sum(np.square(value - exact[name])))
            for name, value in other(image)
            if name in exact
        }
        for name, error in errors.items():
            sums = squares.setdefault(name, [0.0, 0.0])
            sums[0] += error
            sums[1] += float(np.sum(np.square(exact[name])))
    relative = {name: (error / (total or 1)) ** 0.5 for name, (error, total) in squares.items()}
    layers: dict[str, list[str]] = {}
    for name in reference.names[1:]:
        if name in relative:
            layers.setdefault(layer_of(name, names), []).append(name)
    found = []
    for layer, tensors in layers.items():
        worst = max(tensors, key=lambda name: relative[name])
        found.append(LayerError(layer, relative[tensors[-1]], relative[worst], worst))
    return found


def layer_errors_of(trained: TrainedModel, content: bytes, data: ImageData) -> list[LayerError]:
    """The error behind each layer of a file to the float model, on a few training images.

    Raises:
        UserError: Where the file has no card, which names the layers.
    """
    card = unpack(content)
    if card is None:
        raise UserError(
            "Expected a file with a card, which names its layers. Received: a file without one. "
            "Files of `keras-resnets export` have one."
        )
    options = Options(
        calibration_images=IMAGES, input="uint8" if card.takes_pixels else "normalised"
    )
    exporter = Exporter(trained, data, options)
    return layer_errors(exporter.float_model, content, card.layers, exporter.calibration)
