"""Rounding learned layer by layer."""

import keras
import numpy as np
import pytest
from keras import layers

from tflite.convert.converter import convert
from tflite.file.runtime import Tracer
from tflite.quantize.layerwise import kernels_by_layer, rounded, with_kernels
from tflite.quantize.network import Network


def moments(inputs: np.ndarray) -> np.ndarray:
    return (inputs.T @ inputs / len(inputs))[None]


def test_outputs_of_other_inputs_err_less(rng):
    mixing = rng.normal(size=(72, 72)) / 8  # inputs that depend on each other
    seen, others = (np.maximum(rng.normal(size=(2000, 72)) @ mixing + 0.3, 0) for _ in range(2))
    kernel = rng.normal(size=(1, 32, 72))
    found = rounded(kernel, moments(seen))
    steps = np.abs(kernel).max(axis=-1, keepdims=True) / 127
    nearest = np.rint(kernel / steps) * steps
    np.testing.assert_allclose(found / steps, np.rint(found / steps), atol=1e-9)
    assert np.abs(found - kernel).max() < steps.max()
    np.testing.assert_allclose(np.abs(found).max(axis=-1), np.abs(kernel).max(axis=-1))

    def errors(values, inputs):
        return np.square(inputs @ (values - kernel)[0].T).mean(axis=0)

    assert (errors(found, seen) <= errors(nearest, seen)).all()
    assert errors(found, others).mean() < 0.6 * errors(nearest, others).mean()


@pytest.fixture(scope="module")
def content() -> bytes:
    """Every kind of operator with weights: strided, dilated, depthwise, dense, without biases."""
    return convert(
        keras.Sequential(
            [
                keras.Input(batch_shape=(1, 11, 10, 4)),
                layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False),
                layers.Conv2D(8, (3, 1), dilation_rate=2, padding="same", use_bias=False),
                layers.DepthwiseConv2D(2, padding="valid", use_bias=False),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, use_bias=False),
            ]
        )
    )


def test_a_window_is_what_a_position_looks_at(content, rng):
    network = Network(content)
    activations = dict(Tracer(content)(rng.normal(size=(1, 11, 10, 4)).astype("float32")))
    kinds = set()
    for node in network.weighted:
        inputs = network.window(node).inputs(activations[node.inputs[0]], 1000, rng).mean(axis=1)
        kernel = np.moveaxis(network.kernel(node), 3 if "DEPTH" in node.kind else 0, 0)
        by_group = kernel.reshape(len(inputs), -1, inputs.shape[-1])
        expected = np.einsum("gi,goi->go", inputs, by_group).ravel()
        outputs = activations[node.outputs[0]]
        found = outputs.reshape(-1, outputs.shape[-1]).mean(axis=0)
        np.testing.assert_allclose(expected, found, atol=1e-5)
        kinds.add(node.kind)
    assert kinds == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def test_every_kernel_becomes_whole_steps(content, rng):
    images = list(rng.normal(size=(10, 1, 11, 10, 4)).astype("float32"))
    exact = Network(content)
    kernels = kernels_by_layer(content, images)
    found = Network(with_kernels(content, kernels, ()))
    in_float32 = Network(with_kernels(content, kernels, {name.split("/")[0] for name in kernels}))
    for node in exact.weighted:
        np.testing.assert_array_equal(in_float32.kernel(node), exact.kernel(node))
        axis = 3 if node.kind == "DEPTHWISE_CONV_2D" else 0
        kernel, new = (np.moveaxis(one.kernel(node), axis, 0) for one in (exact, found))
        steps = np.abs(kernel).reshape(len(kernel), -1).max(1) / 127
        whole = new / steps.reshape(-1, *[1] * (new.ndim - 1))
        np.testing.assert_allclose(whole, np.rint(whole), atol=1e-3)
        assert 0 < np.abs(new - kernel).max() < steps.max()
