"""Rounding learned layer by layer: each weight up or down, so that its layer's output errs least."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from keras_resnets._common.console import progress

from ..file.runtime import Tracer, on_each, workers
from .network import Network, Node, Window

INT8 = 127  # the largest weight in int8, which is symmetric
POSITIONS = 32  # of one image
TOGETHER = 8  # images
WIDEST = 1024  # inputs of an output; of more, the problem takes long, and errors average out


def kernels_by_layer(
    model: bytes, images: Sequence[np.ndarray], largest: int = INT8
) -> dict[str, np.ndarray]:
    """Rounds every kernel for the inputs that it gets (AdaRound: Nagel et al., 2020, section 3.2).

    Where an output's inputs are `x` and its weights err by `e`, it errs by `e E[x x^T] e^T` in the mean
    square. Each weight may go up or down; nearest rounding is the best choice only where inputs are
    independent. The paper relaxes the choice and descends by gradients; here single weights are
    turned, the best one first, until none makes the error less: at most twice as many turns as an
    output has inputs.

    Args:
        model: A float32 file.
        images: The calibration images, `(1, height, width, channels)` each.
        largest: The largest weight in steps: 127 for int8, 7 for int4.

    Returns:
        Kernels in whole steps, laid out as in the file, by what their operator gives. Of more
        than `WIDEST` inputs an output there are none.
    """
    network = Network(model)
    kernels = {}
    for node, moments in _moments(network, model, images).items():
        kernel = network.kernel(node)
        by_group = _by_group(node, kernel, len(moments))
        kernels[node.outputs[0]] = _laid_out(
            node, rounded(by_group, moments, largest), kernel.shape
        )
    return kernels


def with_kernels(
    model: bytes, kernels: Mapping[str, np.ndarray], float_layers: Collection[str]
) -> bytes:
    """A float32 file with some kernels replaced.

    Args:
        model: A float32 file.
        kernels: What `kernels_by_layer` gives.
        float_layers: Layers that keep their own.
    """
    network = Network(model)
    for node in network.weighted:
        name = node.outputs[0]
        if name in kernels and name.split("/")[0] not in float_layers:
            network.set_kernel(node, kernels[name])
    return network.content()


def rounded(kernel: np.ndarray, moments: np.ndarray, largest: int = INT8) -> np.ndarray:
    """The kernel in whole steps, with the least error that single turns lead to from the nearest.

    Args:
        kernel: `(groups, outputs, inputs)`.
        moments: `E[x x^T]` of each group's inputs, `(groups, inputs, inputs)`.
        largest: The largest weight in steps.

    Example:
        >>> kernel = np.array([[[127.0, 0.4, 0.4]]])  # of inputs that are always equal
        >>> rounded(kernel, np.ones((1, 3, 3))).tolist()
        [[[127.0, 1.0, 0.0]]]
    """
    steps = np.maximum(np.abs(kernel).max(axis=-1, keepdims=True), 1e-12) / largest
    exact = kernel / steps
    nearest = np.rint(exact)
    widest = np.abs(nearest) == largest  # sets the step, and stays
    error = nearest - exact
    response = error @ moments
    diagonal = np.diagonal(moments, axis1=1, axis2=2)[:, None]
    for _ in range(2 * kernel.shape[-1]):
        turn = np.where(error > 0, -1.0, 1.0)
        gain = np.where(widest, 0.0, 2 * turn * response + diagonal)
        group, output = np.nonzero(gain.min(axis=-1) < -1e-9 * diagonal.mean())
        if not len(group):
            break
        best = gain[group, output].argmin(axis=-1)
        turned = turn[group, output, best]
        error[group, output, best] += turned
        response[group, output] += turned[:, None] * moments[group, best]
    return np.asarray((exact + error) * steps)


def _moments(
    network: Network, model: bytes, images: Sequence[np.ndarray]
) -> Mapping[Node, np.ndarray]:
    """`E[x x^T]` of the inputs of every operator with weights, `(groups, inputs, inputs)`."""
    takers: dict[str, list[tuple[Node, Window]]] = {}
    for node in network.weighted:
        window = network.window(node)
        if window.channels * math.prod(window.size) <= WIDEST:
            takers.setdefault(node.inputs[0], []).append((node, window))

    def look(tracer: Tracer, numbered: tuple[int, np.ndarray]) -> dict[Node, np.ndarray]:
        number, image = numbered
        random = np.random.default_rng(number)
        return {
            node: window.inputs(activation, POSITIONS, random)
            for name, activation in tracer(image, takers)
            for node, window in takers[name]
        }

    sums: dict[Node, np.ndarray] = {}
    looks = on_each(workers(Tracer, model), look, enumerate(images))
    shown = progress(looks, "rounding by layer, image", len(images))
    while drawn := list(itertools.islice(shown, TOGETHER)):
        # A matrix is as large as a product is long: one product serves several images.
        for node in list(drawn[0]):
            inputs = np.concatenate([parts.pop(node) for parts in drawn], axis=1)
            sums[node] = sums.get(node, 0) + inputs.transpose(0, 2, 1) @ inputs
    for total in sums.values():
        total /= len(images)
    return sums


def _by_group(node: Node, kernel: np.ndarray, groups: int) -> np.ndarray:
    """A kernel as the file lays it out, as `(groups, outputs, inputs)`."""
    if node.kind == "DEPTHWISE_CONV_2D":
        kernel = np.moveaxis(kernel, -1, 0)
    return kernel.reshape(groups, len(kernel) // groups, -1)


def _laid_out(node: Node, kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Back from `(groups, outputs, inputs)`."""
    if node.kind == "DEPTHWISE_CONV_2D":
        return np.moveaxis(kernel.reshape(shape[-1], *shape[:-1]), 0, -1)
    return kernel.reshape(shape)
