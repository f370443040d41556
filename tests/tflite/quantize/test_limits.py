"""Ranges beside which the kernels of integers would give up."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflite.convert.converter import convert
from tflite.file.runtime import Runner, is_accelerated
from tflite.formats import INT8
from tflite.quantize.limits import within_limits
from tflite.quantize.observing import observe
from tflite.quantize.plan import Plan
from tflite.quantize.ranges import Range, choose_ranges


def conv(maps: Any, scale: float = 1.0, activation: str | None = None) -> Any:
    """A convolution whose outputs are about `scale` times as wide as its inputs."""
    layer = keras.layers.Conv2D(8, 3, padding="same", activation=activation)
    outputs = layer(maps)
    layer.kernel.assign(scale * layer.kernel)
    return outputs


def small_second(maps: Any) -> Any:
    return conv(maps) + conv(maps, 1e-5)


def small_first(maps: Any) -> Any:
    return conv(maps, 1e-5) + conv(maps)


def small_stream(maps: Any) -> Any:
    stream = conv(maps, 1e-4)
    stream = stream + conv(stream, 1e-4)
    return stream + conv(maps, 3.0)


def small_padded(maps: Any) -> Any:
    """As ReXNet's shortcuts are, which have fewer channels than what they are added to."""
    stream = keras.ops.max(conv(maps, 1e-5), axis=-1, keepdims=True)
    return keras.ops.pad(stream, [(0, 0), (0, 0), (0, 0), (0, 7)]) + conv(maps)


def small_part(maps: Any) -> Any:
    pooled = keras.layers.MaxPooling2D(3, 1, padding="same")(conv(maps, 1e-5))
    return pooled[..., :4] + conv(maps)[..., 4:]


def cancelled(maps: Any) -> Any:
    first = conv(maps)
    return first - (first + conv(maps, 1e-3))


def small_products(maps: Any) -> Any:
    return conv(maps, 1e-5) * conv(maps, 1e-5) + conv(maps)


def vanishing(maps: Any) -> Any:
    """A bound of 6, of which the steps here are a billionth."""
    return keras.ops.relu6(conv(conv(maps, 1e-5), 1e-5) * conv(maps)) + conv(maps)


@pytest.mark.parametrize(
    "shape",
    [
        small_second,
        small_first,
        small_stream,
        small_padded,
        small_part,
        cancelled,
        small_products,
        vanishing,
    ],
)
def test_int8_stays_accelerated_and_right(shape: Callable[[Any], Any]) -> None:
    keras.utils.set_random_seed(0)
    images = keras.Input(batch_shape=(1, 8, 8, 8))
    features = keras.layers.GlobalAveragePooling2D()(conv(shape(images)))
    model = convert(keras.Model(images, keras.layers.Dense(3)(features)))
    inputs = np.random.default_rng(0).normal(size=(20, 8, 8, 8)).astype("float32")
    plan = Plan(model, observe(model, np.split(inputs, 20)))
    content = plan.file(INT8)
    assert is_accelerated(content)
    # Runtimes without those kernels prepare it too.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    Interpreter(model_content=content, experimental_op_resolver_type=resolver).allocate_tensors()
    if shape is cancelled:
        return  # 8 bits do not hold the difference of what is nearly equal
    expected, found = Runner(model)(inputs), Runner(content)(inputs)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_ranges_that_fit_stay_as_they_are() -> None:
    images = keras.Input(batch_shape=(1, 8, 8, 8))
    model = convert(keras.Model(images, conv(conv(images) + 0.01 * conv(images))))
    inputs = np.random.default_rng(0).normal(size=(20, 8, 8, 8)).astype("float32")
    ranges = choose_ranges(observe(model, np.split(inputs, 20)), "min-max")
    assert within_limits(model, ranges) == ranges
    assert within_limits(model, {"nothing/of/it": Range(-1, 3)}) == {"nothing/of/it": Range(-1, 3)}
