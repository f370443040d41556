"""The search for the int8 file that loses least, and each of its steps."""

import dataclasses

import keras
import numpy as np
import pytest

from tflite.convert.converter import convert
from tflite.convert.export import Exporter
from tflite.file.inspection import inspect
from tflite.file.runtime import Runner
from tflite.formats import INT8, INT16X8
from tflite.quantize import plan as plans
from tflite.quantize.bias import corrected
from tflite.quantize.equalize import equalised
from tflite.quantize.network import Network
from tflite.quantize.observing import Observations, observe
from tflite.quantize.plan import Plan, best_plan
from tflite.quantize.ranges import METHODS, Range


@pytest.fixture(scope="module")
def plain(exporter: Exporter) -> Plan:
    return Plan(exporter.float_model, observe(exporter.float_model, exporter.calibration))


def error(exporter: Exporter, plan: Plan) -> float:
    images = np.concatenate(exporter.calibration)
    exact = Runner(exporter.float_model)(images)
    return float(np.square(Runner(plan.file(INT8))(images) - exact).mean())


def test_best_errs_less_than_every_method(exporter: Exporter, plain: Plan) -> None:
    errors = sorted(
        error(exporter, dataclasses.replace(plain, method=method)) for method in METHODS
    )
    assert errors[0] < 0.99 * errors[1]  # else any choice would do
    best = exporter.plan(INT8)
    assert error(exporter, best) < 0.95 * errors[0]
    assert f"{best.method} ranges" in str(best)
    assert str(exporter.plan(INT16X8)) == "min-max ranges"


@pytest.mark.parametrize("spared", ["average", "least-error"])
def test_best_takes_the_method_that_is_not_ruined(
    exporter: Exporter, plain: Plan, monkeypatch: pytest.MonkeyPatch, spared: str
) -> None:
    def ruined(seen: Observations) -> Range:
        return Range(seen.lows.min() / 50, seen.highs.max() / 50)

    for name in METHODS:
        if name != spared:
            monkeypatch.setitem(METHODS, name, ruined)
    begun = dataclasses.replace(plain, method="ruined")
    monkeypatch.setitem(METHODS, "ruined", ruined)
    assert best_plan(begun, exporter.calibration[:8]).method == spared


def test_a_way_that_can_win_no_more_is_left(
    exporter: Exporter, plain: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, content = exporter.calibration[:8], plain.file(INT8)
    exact = [Runner(plain.model)(image) for image in images]
    seen: list[np.ndarray] = []

    def one_by_one(workers, work, images):
        for image in images:
            seen.append(image)
            yield work(workers[0], image)

    monkeypatch.setattr(plans, "on_each", one_by_one)
    whole = plans._error(content, images, exact, np.inf)
    found = Runner(content)(np.concatenate(images))
    assert whole == pytest.approx(np.square(found - np.concatenate(exact)).mean())
    assert len(seen) == len(images)
    seen.clear()
    assert plans._error(content, images, [logits + 100 for logits in exact], whole) > whole
    assert len(seen) == 1


def test_equal_channels_change_no_logit_of_the_float_model(exporter: Exporter, plain: Plan) -> None:
    # One channel in eight of the first convolution of a block is made a hundred times as wide.
    network = Network(plain.model)
    node, follower = pair(network, "conv1", "spatial")
    wide = np.where(np.arange(len(network.kernel(node))) % 8 == 0, 100.0, 1.0)
    for one, values in ((node, wide), (follower, 1 / wide)):
        kernel = network.kernel(one)
        over = one.over_outputs if one is node else one.over_inputs
        network.set_kernel(one, kernel * over(kernel, values))
    bias = network.bias(node)
    assert bias is not None
    network.set_bias(node, bias * wide)
    model, images = network.content(), np.concatenate(exporter.calibration)
    exact = Runner(plain.model)(images)
    np.testing.assert_allclose(Runner(model)(images), exact, atol=1e-4)

    seen = observe(model, exporter.calibration)
    equal, changed = equalised(model, {name: one.peaks for name, one in seen.items()})
    np.testing.assert_allclose(Runner(equal)(images), exact, atol=1e-4)
    tensor = node.outputs[0]
    again = observe(equal, exporter.calibration)
    # What is not said to have changed has not.
    moved = {
        name
        for name in seen
        if abs(again[name].peaks / seen[name].peaks.clip(1e-9) - 1).max() > 1e-3
        and (seen[name].peaks > 0).all()
    }
    assert tensor in moved <= changed
    before, after = seen[tensor].peaks, again[tensor].peaks
    lively = before > 0
    assert spread(after[lively]) < spread(before[lively]) / 5


def spread(peaks: np.ndarray) -> float:
    """How much wider the widest channel is than the middle one."""
    return float(peaks.max() / np.median(peaks))


def pair(network: Network, first: str, second: str):
    """Two operators with weights, one behind the other, by parts of their outputs' names."""
    for node in network.weighted:
        if first in node.outputs[0]:
            followers = network.consumers(node.outputs[0])
            if len(followers) == 1 and second in followers[0].outputs[0]:
                return node, followers[0]
    raise AssertionError((first, second))


def test_a_bias_gives_back_what_its_weights_add(exporter: Exporter, plain: Plan) -> None:
    # Weights that are all too large by a hundredth, as rounding never makes them.
    network = Network(plain.model)
    for node in network.weighted:
        network.set_kernel(node, 1.01 * network.kernel(node))
    means = {name: seen.means for name, seen in plain.seen.items()}
    mended = Network(corrected(plain.model, network.content(), means))
    exact = Network(plain.model)
    node = exact.weighted[-1]  # the dense layer, of the pooled features
    bias = exact.bias(node)
    assert bias is not None
    expected = bias - 0.01 * exact.kernel(node) @ means[node.inputs[0]]
    found = mended.bias(mended.weighted[-1])
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(mended.kernel(mended.weighted[-1]), exact.kernel(node))


def test_pixels_features_and_logits_are_not_rounded(exporter: Exporter, plain: Plan) -> None:
    file = inspect(plain.file(INT8), exporter._layers)
    types = {(op.layer, op.kind): op.types for op in file.operators}
    assert types["normalize", "MUL"] == types["normalize", "ADD"] == ("float32",)
    assert types["avg_pool", "MEAN"] == types["predictions", "FULLY_CONNECTED"] == ("float32",)
    assert types["stem", "CONV_2D"] == ("int8",)
    assert file.partitions == 1
    # 8 bits a weight, and 32 for the bias of each of three classes.
    dense = next(op for op in file.operators if op.kind == "FULLY_CONNECTED")
    features = exporter.trained.model.get_layer("predictions").kernel.shape[0]
    assert dense.constants == 3 * features + 3 * 4


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ([keras.layers.ZeroPadding2D(1)], ["QUANTIZE", "PAD", "CONV_2D"]),
        (
            [keras.layers.Activation("tanh"), keras.layers.ZeroPadding2D(1)],
            ["TANH", "QUANTIZE", "PAD", "CONV_2D"],
        ),
        (
            [keras.layers.ZeroPadding2D(1), keras.layers.Activation("tanh")],
            ["PAD", "TANH", "QUANTIZE", "CONV_2D"],
        ),
    ],
    ids=("padded", "computed and padded", "padded and computed"),
)
def test_what_pads_the_first_convolution_pads_integers(
    entry: list[keras.layers.Layer], expected: list[str]
) -> None:
    """In float32 it takes longer than any convolution of a small network, and rounds nothing."""
    rest = [
        keras.layers.Conv2D(4, 3, strides=2),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2),
    ]
    maps = images = keras.Input(batch_shape=(1, 8, 8, 3))
    for layer in (*entry, *rest):
        maps = layer(maps)
    model = convert(keras.Model(images, maps))
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(10, 1, 8, 8, 3)).astype("float32")
    content = Plan(model, observe(model, list(inputs))).file(INT8)
    kinds = [operator.kind for operator in inspect(content).operators]
    assert kinds[: len(expected)] == expected
    difference = Runner(content)(inputs[:, 0]) - Runner(model)(inputs[:, 0])
    assert np.abs(difference).max() < 0.05


def test_joined_maps_need_no_conversion() -> None:
    images = keras.Input(batch_shape=(1, 6, 6, 3))
    first, second = keras.ops.split(keras.layers.Conv2D(8, 3)(images), 2, axis=-1)
    summed = keras.layers.Conv2D(4, 1)(first) + second
    maps = keras.ops.concatenate([first, keras.layers.Conv2D(4, 1)(summed), summed], axis=-1)
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 1)(maps))
    model = convert(keras.Model(images, keras.layers.Dense(2)(features)))
    rng = np.random.default_rng(0)
    seen = observe(model, list(rng.normal(size=(10, 1, 6, 6, 3)).astype("float32")))
    apart = Plan(model, seen)
    kinds = [
        [operator.kind for operator in inspect(plan.file(INT8)).operators]
        for plan in (apart, dataclasses.replace(apart, joined=True))
    ]
    assert [one.count("QUANTIZE") for one in kinds] == [3, 1]  # the one is that of the images
