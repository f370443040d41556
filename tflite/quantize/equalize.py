"""Equalisation: channels of one activation brought to like ranges by scales that cancel."""

from collections.abc import Mapping

import numpy as np

from .network import Network, Node

# What hands each channel on, times a positive factor where it came so.
_HANDS_ON = {"PAD", "MAX_POOL_2D"}
_HOMOGENEOUS = {"NONE", "RELU"}  # activations for which f(s x) = s f(x), s > 0
MOST = 8.0  # times a channel grows or shrinks


def equalised(model: bytes, peaks: Mapping[str, np.ndarray]) -> bytes:
    """Scales the channels between two operators with weights (Nagel et al., 2019, section 4.1).

    An activation has one scale in int8, so that its widest channel makes the steps of all. Where it
    goes from one operator with weights to another alone, by ReLU or nothing, channel `i` can be
    divided by `s` in the first and multiplied by `s` in the second. The paper balances the two
    kernels; ours have scales of their own for each output, so that what is balanced here is the
    activation's channels with the second kernel's inputs.

    Args:
        model: A float32 file.
        peaks: Largest absolute value of each channel of each activation, by its name.

    Returns:
        A float32 file of the same function, but for rounding.
    """
    network = Network(model)
    for node in network.weighted:
        follower = _follower(network, node)
        if follower is None or node.activation not in _HOMOGENEOUS:
            continue
        kernel, next_kernel = network.kernel(node), network.kernel(follower)
        scales = _scales(
            peaks[node.outputs[0]], _shares(follower, next_kernel, len(peaks[node.outputs[0]]))
        )
        network.set_kernel(node, kernel / node.over_outputs(kernel, scales))
        bias = network.bias(node)
        if bias is not None:
            network.set_bias(node, bias / scales)
        network.set_kernel(follower, next_kernel * follower.over_inputs(next_kernel, scales))
    return network.content()


def _follower(network: Network, node: Node) -> Node | None:
    """The convolution that alone takes what an operator gives, handed on or not."""
    while True:
        consumers = network.consumers(node.outputs[0])
        if len(consumers) != 1 or consumers[0].rank != 4:
            return None
        (node,) = consumers
        if node.has_weights:
            return node
        if node.kind not in _HANDS_ON:
            return None


def _scales(peaks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The factor of each channel that leaves activation and weights equally wide."""
    known = (peaks > 0) & (weights > 0)
    scales = np.sqrt(np.divide(peaks, weights, out=np.ones_like(peaks), where=known))
    scales /= np.exp(np.mean(np.log(scales[known]))) if known.any() else 1.0
    return np.where(known, scales.clip(1 / MOST, MOST), 1.0)


def _shares(node: Node, kernel: np.ndarray, channels: int) -> np.ndarray:
    """Of each input channel, its largest weight as a share of the widest beside it.

    An output's scale is that of its widest weight.
    """
    if node.kind == "DEPTHWISE_CONV_2D":
        return np.ones(channels)  # there is none beside it
    flat = np.abs(kernel).reshape(len(kernel), -1, kernel.shape[-1]).max(axis=1)
    shares = flat / np.maximum(flat.max(axis=1, keepdims=True), 1e-12)
    groups = channels // kernel.shape[-1]
    return np.asarray(shares.reshape(groups, -1, kernel.shape[-1]).max(axis=1).ravel())
