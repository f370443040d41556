"""The converter is given numbers in the place of kernels, and its file has the kernels."""

import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from keras_resnets.card import Card
from keras_resnets.layers import GroupedConv2D
from keras_resnets.preprocessing import Preprocessing
from tflite.convert import converter, export
from tflite.convert.converter import convert, traced
from tflite.convert.markers import Markers
from tflite.file.runtime import Runner
from tflite.formats import FLOAT32
from tflite.quantize.network import Network
from tflite.trained import TrainedModel

SIDE = 12


def network(*before_last, padding="same"):
    """Two convolutions, the second one grouped, and a dense layer."""
    images = keras.Input(batch_shape=(1, SIDE, SIDE, 3))
    outputs = GroupedConv2D(32, 3, activation="relu", name="first")(images)
    for layer in before_last:
        outputs = layer(outputs)
    grouped = GroupedConv2D(64, 3, groups=2, padding=padding, lowering="frozen", name="grouped")
    outputs = layers.GlobalAveragePooling2D()(grouped(outputs))
    model = keras.Model(images, layers.Dense(3)(outputs))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape) / 8 for weight in model.get_weights()])
    return model


def marked(model):
    markers = Markers()
    with GroupedConv2D.constants_made_by(markers.mark):
        function = traced(model)
    return markers, function


def test_the_file_is_that_of_the_kernels_and_the_graph_has_none_of_them():
    model = network()
    markers, function = marked(model)
    # What TensorFlow copies: the graph, and the variables that it reads.
    read = sum(variable.shape.num_elements() for variable in converter.read_by(function))
    assert read == 32 + 64 + 64 * 3 + 3
    kernels = 4 * sum(np.size(layer.kernel) for layer in model.layers[1:3])
    assert function.graph.as_graph_def().ByteSize() < kernels / 4

    found = markers.replaced(converter._converted(function, FLOAT32, ()))
    expected = Network(converter._converted(traced(model), FLOAT32, ()))
    assert found is not None
    for one, other in zip(Network(found).nodes, expected.nodes, strict=True):
        assert (one.kind, one.activation) == (other.kind, other.activation)
        if one.has_weights:
            np.testing.assert_array_equal(Network(found).kernel(one), expected.kernel(other))
            np.testing.assert_array_equal(Network(found).bias(one), expected.bias(other))


@pytest.mark.parametrize(
    "computed",
    [
        # Multiplied into the kernel; added up, times the kernel, into the bias.
        [layers.BatchNormalization()],
        [layers.Rescaling(1.0, offset=0.5)],
    ],
)
def test_kernels_that_the_converter_computes_with_are_given_to_it(computed):
    model = network(*computed, padding="valid")
    markers, function = marked(model)
    assert markers.replaced(converter._converted(function, FLOAT32, ())) is None
    images = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype("float32")
    expected = np.asarray(model(images, training=False))
    np.testing.assert_allclose(Runner(convert(model))(images), expected, atol=1e-5)


def test_the_network_is_let_go_when_it_is_converted(monkeypatch):
    converted = []

    def watched(model, *rest):
        converted.append(weakref.ref(model))
        return convert(model, *rest)

    monkeypatch.setattr(export, "convert", watched)
    card = Card("Any", ("a", "b", "c"), Preprocessing(size=SIDE))
    exporter = export.Exporter(TrainedModel(network(), card, Path()), None, export.Options())
    assert exporter.float_model
    (model,) = converted
    assert model() is None
