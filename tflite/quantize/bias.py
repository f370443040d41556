"""Bias correction: what rounded weights add to an output on average is taken off its bias."""

from collections.abc import Mapping

import numpy as np

from .network import FILTER_AXES, Network, Node


def corrected(model: bytes, rounded: bytes, means: Mapping[str, np.ndarray]) -> bytes:
    """Takes the expected error of every output off its bias (Nagel et al., 2019, section 4.2).

    With the weights' error `e`, an output errs by `e * E[x]` on average, whatever the activations'
    own rounding does.

    Args:
        model: The float32 file.
        rounded: The same in int8: its operators with weights, in the same order.
        means: Mean of each channel of each activation, by its name.

    Returns:
        A float32 file, to be quantised.
    """
    network, integers = Network(model), Network(rounded)
    for node, stored in zip(network.weighted, integers.weighted, strict=True):
        bias = network.bias(node)
        if bias is not None:
            error = integers.kernel(stored) - network.kernel(node)
            network.set_bias(node, bias - _response(node, error, means[node.inputs[0]]))
    return network.content()


def _response(node: Node, kernel: np.ndarray, means: np.ndarray) -> np.ndarray:
    """What an operator makes of an input that is its mean everywhere: one value an output."""
    products = kernel * node.over_inputs(kernel, means)
    axis = FILTER_AXES[node.kind]
    return np.asarray(products.sum(axis=tuple(i for i in range(kernel.ndim) if i != axis)))
