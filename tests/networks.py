"""The smallest network of each family, for what does not need a published size."""

from typing import Any

import keras
import numpy as np

import keras_resnets
from keras_resnets.features import all_layers

FAMILIES: dict[str, dict[str, Any]] = {
    "ResNeXt": {"cardinality": 8, "width": 8},
    "ResNeSt": {"radix": 2},
    "Res2Net": {"scale": 4},
    "ReXNet": {"multiplier": 0.5},
    "SEResNeXt": {"cardinality": 8, "width": 8, "antialias": True},
}
TRUNK: dict[str, Any] = {"depths": (1, 2), "planes": 16, "stem_filters": 16}


def small(family, **arguments):
    """A network of `family` over 64x64 images; `arguments` are its constructor's."""
    trunk = {} if family == "ReXNet" else TRUNK
    arguments = {"input_shape": (64, 64, 3)} | FAMILIES[family] | trunk | arguments
    return getattr(keras_resnets, family)(**arguments)


def randomise(layer, rng):
    """Draws every weight anew, batch-norm statistics and zero-initialised scales included."""
    for variable in layer.weights:
        name = variable.path.rsplit("/", 1)[-1]
        if name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif name == "kernel":
            fan_in = np.prod(variable.shape[:-1])
            variable.assign(rng.normal(0, (2 / fan_in) ** 0.5, variable.shape))
        elif name != "rate":
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return layer


def settle(model, images):
    """Makes a deep drawn network answer as smoothly as a trained one.

    A block's branch weighs a tenth of its shortcut, and every batch norm has the statistics of `images`.
    Without it, rounding the weights of a drawn ResNeSt-101 to float16 changes its logits by 30 %, in
    Keras as in a file.
    """
    for variable in model.weights:
        if variable.path.endswith("conv3/norm/gamma"):
            variable.assign(0.1 * variable)
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(images, training=True)
    return model
