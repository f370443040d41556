"""Every network as float32, float16 and int8: one partition, fully accelerated, and right."""

import io

import networks
import numpy as np
import pytest

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.data import open_data
from keras_resnets.preprocessing import Preprocessing
from tflite.export import Exporter, Options
from tflite.inspection import inspect
from tflite.modes import FLOAT16, FLOAT32, INT8
from tflite.runtime import Runner, is_accelerated
from tflite.source import Source

SIDE = 64
# Its default form at 64 pixels takes 15 GB in conversion.
HUGE = {"ResNeXt101_32x32d"}


def exporter(model, photos, tmp_path):
    card = Card(model.name, ("blue", "green", "red"), Preprocessing(size=SIDE))
    options = Options(calibration_images=12, calibration_method="min-max")
    return Exporter(
        Source(model, card, tmp_path), open_data(folder=str(photos)), options, io.StringIO()
    )


def check_every_format(model, photos, tmp_path, rng):
    networks.randomise(model, rng=rng)
    exporting = exporter(model, photos, tmp_path)
    images = rng.normal(size=(2, SIDE, SIDE, 3)).astype("float32")
    expected = model.predict(images, verbose=0)
    for mode, tolerance in ((FLOAT32, 1e-4), (FLOAT16, 0.02), (INT8, None)):
        content = exporting.file(mode)
        assert is_accelerated(content), mode.name
        assert all(operator.delegated for operator in inspect(content).operators), mode.name
        if tolerance is not None:
            logits = Runner(content)(images)
            probabilities = np.exp(logits - logits.max(-1, keepdims=True))
            probabilities /= probabilities.sum(-1, keepdims=True)
            np.testing.assert_allclose(probabilities, expected, atol=tolerance)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_a_small_network_of_each_family(family, photos, tmp_path, rng):
    model = networks.small(family, input_shape=(SIDE, SIDE, 3), classes=3)
    check_every_format(model, photos, tmp_path, rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in keras_resnets.list_models() if n not in HUGE])
def test_every_variant(name, photos, tmp_path, rng):
    model = keras_resnets.create_model(name, weights=None, input_shape=(SIDE, SIDE, 3), classes=3)
    check_every_format(model, photos, tmp_path, rng)
