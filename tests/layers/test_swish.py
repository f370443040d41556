"""`swish` against Keras' own: values, first and second derivatives, in every type."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.layers._swish import swish
from keras_resnets.layers.conv_norm import ConvNorm


def _values_and_slopes(function, inputs, upstream):
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            outputs = function(inputs)
        slope = inner.gradient(outputs, inputs, upstream)
        squares = slope * slope
    return outputs, slope, outer.gradient(squares, inputs)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [("float64", 1e-12), ("float32", 1e-6), ("bfloat16", 3e-2), ("float16", 4e-3)],
)
def test_equals_keras(dtype, tolerance, compiled, rng):
    inputs = tf.constant(rng.normal(0, 6, (3, 5, 7, 4)), dtype)
    upstream = tf.constant(rng.normal(size=inputs.shape), dtype)
    run = tf.function(_values_and_slopes) if compiled else _values_and_slopes
    for actual, expected in zip(
        run(swish, inputs, upstream), run(keras.activations.silu, inputs, upstream), strict=True
    ):
        assert actual.dtype == expected.dtype
        actual, expected = (np.asarray(tf.cast(x, "float64")) for x in (actual, expected))
        np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max())


def test_far_from_zero_nothing_overflows():
    inputs = tf.constant([-1e4, -90.0, 0.0, 90.0, 1e4])
    outputs, slope, _ = _values_and_slopes(swish, inputs, tf.ones(5))
    np.testing.assert_allclose(outputs, [0, 0, 0, 90, 1e4], atol=1e-6)
    np.testing.assert_allclose(slope, [0, 0, 0.5, 1, 1], atol=1e-6)


def test_a_symbolic_input_is_an_operation_of_keras():
    assert swish(keras.Input((4,)))._keras_history.operation.name.startswith("silu")


@pytest.mark.parametrize("name", ["silu", "swish"])
def test_a_block_computes_it_and_keeps_its_name(name, monkeypatch):
    found: list[object] = []
    monkeypatch.setattr("keras_resnets.layers.conv_norm.swish", found.append)
    layer = ConvNorm(4, 1, activation=name)
    layer.build((None, 3, 3, 2))
    layer.call(tf.ones((1, 3, 3, 2)))
    assert len(found) == 1
    assert layer.get_config()["activation"] == "silu"
