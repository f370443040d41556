"""Every network as float32, float16 and int8: one partition, fully accelerated, and right."""

from collections import Counter

import keras
import networks
import numpy as np
import pytest

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.data import open_data
from keras_resnets.layers import _lowering as lowering
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.converter import convert
from tflite.convert.export import Exporter, Options
from tflite.convert.keras_model import phone_model
from tflite.file.inspection import inspect
from tflite.file.runtime import Runner, is_accelerated
from tflite.formats import FLOAT16, FLOAT32, INT8
from tflite.quantize.observing import observe
from tflite.quantize.quantizer import quantize
from tflite.quantize.ranges import choose_ranges
from tflite.trained import TrainedModel

SIDE = 64


def exporter(model, photos, tmp_path):
    card = Card(model.name, ("blue", "green", "red"), Preprocessing(size=SIDE))
    options = Options(calibration_images=12, calibration_method="min-max")
    return Exporter(TrainedModel(model, card, tmp_path), open_data(folder=str(photos)), options)


def check_every_format(model, photos, tmp_path, rng):
    networks.randomise(model, rng=rng)
    seen = rng.integers(256, size=(16, SIDE, SIDE, 3), dtype="uint8")
    networks.settle(model, Preprocessing().normalize(seen))
    exporting = exporter(model, photos, tmp_path)
    pixels = rng.integers(256, size=(2, SIDE, SIDE, 3), dtype="uint8")
    expected = np.asarray(model(Preprocessing().normalize(pixels), training=False))
    row = (
        4 * 3 * SIDE
    )  # bytes: XNNPACK takes a row at once, where one pixel's constants cost 10 times
    # A drawn ReXNet makes much of any difference: 2e-5 of float32 in another order, 0.027 of float16.
    for format, tolerance in ((FLOAT32, 5e-5), (FLOAT16, 0.05), (INT8, None)):
        content = exporting.file(format)
        assert is_accelerated(content), format.name
        operators = inspect(content).operators
        assert all(operator.delegated for operator in operators), format.name
        entry = [(one.kind, one.constants) for one in operators[:3]]
        assert entry[0] == ("DEQUANTIZE", 0)
        assert format == FLOAT16 or entry[1:] == [("MUL", row), ("ADD", row)]
        if tolerance is not None:
            np.testing.assert_allclose(Runner(content)(pixels), expected, atol=tolerance)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_a_small_network_of_each_family(family, photos, tmp_path, rng):
    model = networks.small(family, input_shape=(SIDE, SIDE, 3), classes=3)
    check_every_format(model, photos, tmp_path, rng)


@pytest.mark.parametrize("differentiates", [True, False])
def test_groups_are_one_operator_whatever_the_machine_trains_with(differentiates, monkeypatch, rng):
    monkeypatch.setattr(lowering, "_cpu_differentiates_groups", lambda _: differentiates)
    model = networks.small("ResNeXt", cardinality=64, classes=3)
    operators = inspect(convert(phone_model(model, Preprocessing(size=SIDE)).model)).operators
    kinds = Counter(operator.kind for operator in operators)
    # Three blocks of three convolutions, two shortcuts, the stem; padding where there are strides.
    assert kinds == {
        "PAD": 3,
        "CONV_2D": 12,
        "MAX_POOL_2D": 1,
        "ADD": 3,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
    }


def test_a_kernel_of_more_than_32_mebibytes_in_int8():
    images = keras.Input(batch_shape=(1, 1, 1, 4096))
    features = keras.layers.Conv2D(2052, 1, activation="relu", name="wide")(images)
    logits = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(features))
    model = convert(keras.Model(images, logits))
    pixels = [np.random.default_rng(seed).normal(size=(1, 1, 1, 4096)) for seed in range(10)]
    images = [image.astype("float32") for image in pixels]
    ranges = choose_ranges(observe(model, images), "min-max")
    exact = Runner(model)(np.concatenate(images))
    found = Runner(quantize(model, INT8, ranges))(np.concatenate(images))
    assert np.abs(found - exact).max() < 0.05 * np.abs(exact).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", keras_resnets.list_models())
def test_every_variant(name, photos, tmp_path, rng):
    model = keras_resnets.create_model(name, weights=None, input_shape=(SIDE, SIDE, 3), classes=3)
    check_every_format(model, photos, tmp_path, rng)
