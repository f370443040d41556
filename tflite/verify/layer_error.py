"""Where an integer file departs from the float model: the error behind each layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..file.inspection import layer_of
from ..file.runtime import Tracer


@dataclass(frozen=True)
class LayerError:
    """The error of what a layer gives.

    Attributes:
        layer: its name.
        relative: root mean square of the error to that of the float activation.
        worst: the highest such error of an operator within the layer.
        worst_operator: the name of that operator's output.
    """

    layer: str
    relative: float
    worst: float
    worst_operator: str


def layer_errors(
    float_model: bytes, quantized: bytes, inputs: Sequence[np.ndarray]
) -> list[LayerError]:
    """Runs both on the same inputs, and compares what has the same name.

    Args:
        float_model: the float32 model that was quantised.
        quantized: the other.
        inputs: what both take, `(1, height, width, channels)` each.

    Returns:
        The layers in order.
    """
    reference, other = Tracer(float_model), Tracer(quantized)
    squares: dict[str, list[float]] = {}
    for image in inputs:
        exact = {name: value.astype("float64") for name, value in reference(image)}
        for name, value in other(image):
            if name in exact:
                sums = squares.setdefault(name, [0.0, 0.0])
                sums[0] += float(np.sum(np.square(value - exact[name])))
                sums[1] += float(np.sum(np.square(exact[name])))
    relative = {name: (error / (total or 1)) ** 0.5 for name, (error, total) in squares.items()}
    layers: dict[str, list[str]] = {}
    for name in reference.names[1:]:
        if name in relative:
            layers.setdefault(layer_of(name), []).append(name)
    found = []
    for layer, names in layers.items():
        worst = max(names, key=lambda name: relative[name])
        found.append(LayerError(layer, relative[names[-1]], relative[worst], worst))
    return found
