"""Rounding learned layer by layer."""

import keras
import numpy as np
import pytest
from keras import layers

from tflite.convert.converter import convert
from tflite.file.runtime import Tracer
from tflite.quantize.layerwise import rounded, rounded_by_layer
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
        kernel = network.kernel(node)
        inputs = network.window(node).inputs(activations[node.inputs[0]], 1000, rng).mean(axis=0)
        if node.kind == "DEPTHWISE_CONV_2D":
            by_output = np.repeat(inputs, kernel.shape[-1] // inputs.shape[-1], axis=-1)
            expected = np.einsum("kc,kc->c", by_output, kernel.reshape(by_output.shape))
        else:
            expected = np.einsum("kc,okc->o", inputs, kernel.reshape(len(kernel), *inputs.shape))
        outputs = activations[node.outputs[0]]
        found = outputs.reshape(-1, outputs.shape[-1]).mean(axis=0)
        np.testing.assert_allclose(expected, found, atol=1e-5)
        kinds.add(node.kind)
    assert kinds == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def test_every_kernel_becomes_whole_steps(content, rng):
    images = list(rng.normal(size=(10, 1, 11, 10, 4)).astype("float32"))
    exact, found = Network(content), Network(rounded_by_layer(content, images))
    for before, after in zip(exact.weighted, found.weighted, strict=True):
        axis = 3 if before.kind == "DEPTHWISE_CONV_2D" else 0
        kernel, new = (
            np.moveaxis(n.kernel(o), axis, 0) for n, o in ((exact, before), (found, after))
        )
        steps = np.abs(kernel).reshape(len(kernel), -1).max(1) / 127
        whole = new / steps.reshape(-1, *[1] * (new.ndim - 1))
        np.testing.assert_allclose(whole, np.rint(whole), atol=1e-3)
        assert (np.abs(new - kernel).reshape(len(kernel), -1).max(1) < steps).all()
