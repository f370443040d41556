"""A network where nothing is learned."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from keras_resnets import deploy
from keras_resnets.features import all_layers
from keras_resnets.inference import compiled
from keras_resnets.layers import Deployable


def in_inference(network: keras.Model) -> Callable[[Any], Any]:
    """The network with the weights that it has now, as a compiled function of a batch of any size.

    A CPU computes the deployed form, the same function but for rounding, which of ReXNet100 takes 0.82
    of the time (docs/performance.md).

    Args:
        network: The network, of one input.

    Returns:
        A function of `(n, …)`, float32, as the network takes it, that gives a tensor `(n, …)`.
    """
    return compiled(deploy(network) if _gains_by_deploying(network) else network)


def _gains_by_deploying(network: keras.Model) -> bool:
    """Whether it is a float32 network of this package in its trained form, on a CPU.

    In half precision folded weights would be rounded otherwise; on a GPU nobody has measured. A layer
    of someone else's may have no configuration to rebuild it from.
    """
    if tf.config.list_physical_devices("GPU"):
        return False
    layers = all_layers(network)
    blocks = [layer for layer in layers if isinstance(layer, Deployable)]
    return (
        bool(blocks)
        and not any(block.get_config()["folded"] for block in blocks)
        and all(_is_known(layer) and layer.compute_dtype == "float32" for layer in layers)
    )


def _is_known(layer: keras.layers.Layer) -> bool:
    package = type(layer).__module__.partition(".")[0]
    return package in ("keras", "keras_resnets") and not isinstance(layer, keras.layers.Lambda)
