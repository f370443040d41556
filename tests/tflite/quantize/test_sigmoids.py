"""What goes into a sigmoid gets the range that errs least behind it."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import ops

from tflite.convert.converter import convert
from tflite.file.runtime import Runner
from tflite.formats import INT8
from tflite.quantize.observing import Observations, observe
from tflite.quantize.plan import Plan
from tflite.quantize.ranges import choose_ranges
from tflite.quantize.sigmoids import responses, sigmoid, swish


@pytest.fixture(scope="module")
def seen() -> Observations:
    """A normal activation three wide, as before a swish: much of it far below 0."""
    values = np.random.default_rng(0).normal(-4, 3, size=(10, 10_000))
    channels = values.reshape(-1, 10)
    return Observations(
        values.min(1), values.max(1), values.ravel(), channels.mean(0), abs(channels).max(0)
    )


def test_functions() -> None:
    values = np.array([-1000.0, 0.0, 2.0, 1000.0])
    np.testing.assert_allclose(sigmoid(values), [0, 0.5, 0.8807970779778823, 1], atol=1e-30)
    np.testing.assert_allclose(swish(values), [0, 0, 1.7615941559557646, 1000], atol=1e-30)


@pytest.mark.parametrize("response", [sigmoid, swish])
def test_the_error_behind_it_is_less(seen: Observations, response) -> None:
    found = {"x": seen}
    plain = choose_ranges(found, "least-error")["x"]
    through = choose_ranges(found, "min-max", {"x": response})["x"]
    assert through.low > plain.low + 1  # what is -8 or -14 comes out as 0

    def error(low: float, high: float) -> float:
        step = (high - low) / 255
        zero = np.rint(-low / step)
        rounded = ((np.rint(seen.values / step) + zero).clip(0, 255) - zero) * step
        return float(np.mean((response(rounded) - response(seen.values)) ** 2))

    assert error(*through) < 0.75 * error(*plain)
    # Others of the same network keep the method's.
    both = choose_ranges({"x": seen, "y": seen}, "min-max", {"x": response})
    assert both["y"] == choose_ranges(found, "min-max")["x"] != both["x"]


def test_which_activations_go_through_one_alone() -> None:
    images = keras.Input(batch_shape=(1, 6, 6, 3))

    def conv(maps, name: str):
        return keras.layers.Conv2D(4, 1, name=name)(maps)

    maps = keras.activations.silu(conv(images, "swished"))
    maps = maps * ops.sigmoid(conv(maps, "gate"))
    maps = ops.tanh(conv(maps, "bounded")) + maps
    shown = conv(maps, "shown")  # is summed too, so that what it is far below 0 tells
    maps = keras.activations.silu(shown) + shown
    other = conv(maps, "multiplied")  # not with its own sigmoid
    maps = ops.sigmoid(other) * maps + other
    features = keras.layers.GlobalAveragePooling2D()(maps)
    model = convert(keras.Model(images, keras.layers.Dense(2)(features)))
    layers = ("swished", "gate", "bounded", "shown", "multiplied")
    found = {
        layer: response
        for tensor, response in responses(model).items()
        for layer in layers
        if layer in tensor
    }
    assert found == {"swished": swish, "gate": sigmoid, "bounded": np.tanh}


def test_a_file_errs_less_with_it() -> None:
    keras.utils.set_random_seed(0)
    images = maps = keras.Input(batch_shape=(1, 8, 8, 8))
    for _ in range(3):
        conv = keras.layers.Conv2D(16, 3, padding="same")
        maps = keras.activations.silu(conv(maps))
        conv.bias.assign(np.where(np.arange(16), 0, -30))  # a channel that is off
    features = keras.layers.GlobalAveragePooling2D()(maps)
    model = convert(keras.Model(images, keras.layers.Dense(3)(features)))
    inputs = np.random.default_rng(0).normal(size=(40, 8, 8, 8)).astype("float32")
    plain = Plan(model, observe(model, np.split(inputs[:20], 20)))
    exact = Runner(model)(inputs[20:])
    errors = [
        np.square(Runner(plan.file(INT8))(inputs[20:]) - exact).mean()
        for plan in (plain, dataclasses.replace(plain, through_sigmoids=True))
    ]
    assert errors[1] < 0.7 * errors[0]
    assert "looking through sigmoids" in str(dataclasses.replace(plain, through_sigmoids=True))
