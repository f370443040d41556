"""Every layer of every network is known by its name in the file, whoever made the network."""

from pathlib import Path

import keras
import networks
import numpy as np
import pytest
from keras import layers

from keras_resnets.card import Card
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.export import Exporter, Options
from tflite.file.inspection import inspect
from tflite.formats import FLOAT32, INT8, MIXED
from tflite.quantize.observing import observe
from tflite.quantize.ranges import Range, choose_ranges
from tflite.trained import TrainedModel
from tflite.verify.layer_error import layer_errors

SIDE = 64


def exporter(model):
    card = Card("Any", ("a", "b", "c"), Preprocessing(size=SIDE))
    made = Exporter(TrainedModel(model, card, Path()), None, Options(calibration_method="min-max"))
    rng = np.random.default_rng(0)
    made.calibration = [
        rng.integers(256, size=(1, SIDE, SIDE, 3), dtype="uint8") for _ in range(10)
    ]
    return made


def foreign():
    """Not of ours: names that TensorFlow's own numbering would confuse, one that no scope can have."""
    images = keras.Input((SIDE, SIDE, 3))
    first = layers.Conv2D(8, 3, name="conv")(images)
    second = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv_1")(first)
    third = layers.SeparableConv2D(8, 3, padding="same", name="conv_1_1")(second)
    summed = layers.Add(name="sum")([second, third]) * 2.0
    pooled = layers.GlobalMaxPooling2D(name="layer1x")(summed)
    return keras.Model(images, layers.Dense(3, name="class.scores")(pooled))


@pytest.mark.parametrize(
    "network", ["ResNeXt", "ResNeSt", "Res2Net", "SEResNeXt", "ReXNet-lite", "foreign"]
)
def test_no_operator_is_nobodys(network):
    if network == "foreign":
        model = foreign()
    elif network == "ReXNet-lite":
        model = networks.small("ReXNet", hidden_head=True, multiplier=0.25, classes=3)
    else:
        model = networks.small(network, classes=3)
    exporting = exporter(model)
    float32, int8 = exporting.file(FLOAT32), exporting.file(INT8)
    weighty = {
        layer.name for layer in model.layers if any(v.name == "kernel" for v in layer.weights)
    }
    for content in (float32, int8):
        inspection = inspect(content)
        named = [operator.layer for operator in inspection.operators]
        assert set(named) <= {"normalize", *(layer.name for layer in model.layers)}
        # Weights are where they were made, and in the order in which they are applied.
        assert {o.layer for o in inspection.operators if o.constants} >= weighty
        order = [layer.name for layer in model.layers if layer.name in weighty]
        assert [name for name in dict.fromkeys(named) if name in weighty] == order

    errors = layer_errors(exporting.float_model, int8, exporting._layers, exporting.calibration[:1])
    assert weighty <= {error.layer for error in errors}


def test_float_layers_are_those_named_and_no_others():
    exporting = exporter(foreign())
    ranges = choose_ranges(observe(exporting.float_model, exporting.calibration), "min-max")
    assert all(isinstance(limits, Range) for limits in ranges.values())
    mixed = inspect(exporting.file(MIXED, ["conv_1"]))
    types = {o.layer: o.types for o in mixed.operators if o.kind == "CONV_2D"}
    assert types["conv_1"] == ("float32",)
    assert types["conv"] == types["conv_1_1"] == ("int8",)
    assert mixed.partitions == 1
