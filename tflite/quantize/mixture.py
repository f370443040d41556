"""Mixed precision: which layers must stay in float32 for an int8 file to keep its accuracy."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.classifier import accuracy

from ..file.inspection import inspect
from ..file.runtime import Runner

Build = Callable[[Sequence[str]], bytes]


@dataclass(frozen=True)
class Mixture:
    """What was found.

    Attributes:
        float_layers: Names of the float layers, in the order in which they were taken out of int8.
        drops: The loss of accuracy, in points, with none of them in float32, with the first, and so
            on; the last is the mixture's.
    """

    float_layers: tuple[str, ...]
    drops: tuple[float, ...]

    def __str__(self) -> str:
        plain = f"int8 loses {self.drops[0]:.2f} points"
        if not self.float_layers:
            return plain
        layers = ", ".join(self.float_layers)
        return f"{plain}; with {layers} in float32 it loses {self.drops[-1]:.2f}"


def find_mixture(
    float_model: bytes,
    names: Collection[str],
    build: Build,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    max_drop: float,
) -> Mixture:
    """Takes layers out of int8, the most sensitive first, until the accuracy is kept.

    A layer's sensitivity is the error of the logits where it alone is in int8.

    Args:
        float_model: The float32 model.
        names: Names of its layers.
        build: Makes the int8 model that keeps the given layers in float32.
        images: Images as the model takes them, `(n, height, width, channels)`, not the test images.
        labels: Their classes, `(n,)`, or 1 for each of their labels, `(n, classes)`.
        max_drop: The accuracy that may be lost, in points.
    """
    reference = Runner(float_model)(images)
    exact = accuracy(reference, labels, threshold=0)

    def drop(float_layers: Sequence[str]) -> float:
        return 100 * (exact - accuracy(Runner(build(float_layers))(images), labels, threshold=0))

    drops = [drop(())]
    if drops[0] <= max_drop:
        return Mixture((), tuple(drops))
    operators = inspect(float_model, names).operators
    layers = list(dict.fromkeys(op.layer for op in operators if op.constants))
    errors = {}
    for layer in progress(layers, "sensitivity, layer", len(layers)):
        others = [other for other in layers if other != layer]
        logits = Runner(build(others))(images)
        errors[layer] = float(np.mean(np.square(logits - reference)))
    ranked = sorted(layers, key=lambda layer: -errors[layer])
    for count in range(1, len(ranked) + 1):
        drops.append(drop(ranked[:count]))
        if drops[-1] <= max_drop:
            break
    return Mixture(tuple(ranked[:count]), tuple(drops))
