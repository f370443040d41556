"""Stochastic weight averaging (Izmailov et al., 2018): an equal average over epochs."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resnets.features import all_layers

from .arrays import arrays_of

KEY = "swa/"

Array = np.ndarray[Any, Any]


class EqualAverage:
    """The mean of the weights of several epochs.

    Attributes:
        count: Number of epochs in it.
        average: The average, one array a weight, float64 so that the order of many epochs does not
            show.
    """

    def __init__(self) -> None:
        self.count = 0
        self.average: list[Array] = []

    def add(self, weights: list[Array]) -> None:
        if not self.count:
            self.average = [np.zeros_like(weight, dtype="float64") for weight in weights]
        self.count += 1
        for average, weight in zip(self.average, weights, strict=True):
            average += (weight - average) / self.count

    def state(self) -> dict[str, Array]:
        """For a checkpoint; nothing before the first epoch."""
        if not self.count:
            return {}
        arrays = {f"{KEY}{index:04d}": array for index, array in enumerate(self.average)}
        return {f"{KEY}count": np.array(self.count), **arrays}

    def restore(self, variables: dict[str, Array]) -> None:
        """Takes its state out of a checkpoint's variables."""
        own = {name: variables.pop(name) for name in sorted(variables) if name.startswith(KEY)}
        if own:
            self.count = int(own.pop(f"{KEY}count"))
            self.average = list(own.values())


def reestimate_batch_norm(network: keras.Model, batches: Any) -> None:
    """Replaces the moving statistics by their mean over batches, under the weights as they are."""
    norms = [
        layer for layer in all_layers(network) if isinstance(layer, keras.layers.BatchNormalization)
    ]
    statistics = [v for norm in norms for v in (norm.moving_mean, norm.moving_variance)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # each batch leaves its own statistics

    step = tf.function(lambda images: network(images, training=True), autograph=False)

    total = EqualAverage()
    for images, _ in batches:
        step(images)
        total.add(arrays_of(statistics))
    for variable, value in zip(statistics, total.average, strict=True):
        variable.assign(value)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
