"""Equalisation: channels of one activation brought to like ranges by scales that cancel."""

from collections.abc import Mapping

import numpy as np

from .network import Network, Node

# What hands each channel on, times a positive factor where it came so.
_HANDS_ON = {"PAD", "MAX_POOL_2D"}
_HOMOGENEOUS = {"NONE", "RELU"}  # activations for which f(s x) = s f(x), s > 0
MOST = 8.0  # times a channel grows or shrinks


def equalised(model: bytes, peaks: Mapping[str, np.ndarray]) -> tuple[bytes, frozenset[str]]:
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
        A float32 file of the same function, but for rounding, and the names of the activations whose
        channels have other ranges in it.
    """
    network = Network(model)
    changed: set[str] = set()
    for node in network.weighted:
        path = _path_to_next(network, node)
        if not path or node.activation not in _HOMOGENEOUS:
            continue
        follower = path[-1]
        changed.update(one.outputs[0] for one in (node, *path[:-1]))
        kernel, next_kernel = network.kernel(node), network.kernel(follower)
        scales = _scales(
            peaks[node.outputs[0]], _shares(follower, next_kernel, len(peaks[node.outputs[0]]))
        )
        network.set_kernel(node, kernel / node.over_outputs(kernel, scales))
        bias = network.bias(node)
        if bias is not None:
            network.set_bias(node, bias / scales)
        network.set_kernel(follower, next_kernel * follower.over_inputs(next_kernel, scales))
    return network.content(), frozenset(changed)


def _path_to_next(network: Network, node: Node) -> list[Node]:
    """The operators from one with weights to the convolution that alone takes what it gives.

    Those between hand it on. None where others take it too.
    """
    path: list[Node] = []
    while True:
        consumers = network.consumers(node.outputs[0])
        if len(consumers) != 1 or consumers[0].rank != 4:
            return []
        (node,) = consumers
        path.append(node)
        if node.has_weights:
            return path
        if node.kind not in _HANDS_ON:
            return []


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
