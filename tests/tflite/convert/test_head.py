"""Whatever activation a model has, its file gives the same probabilities; other ends are refused."""

from pathlib import Path

import keras
import networks
import numpy as np
import pytest
from keras import layers

from keras_resnets.card import Card
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.export import Exporter, Options
from tflite.convert.head import head_of
from tflite.file.inspection import inspect
from tflite.formats import FLOAT32
from tflite.trained import TrainedModel
from tflite.use.classifier import Classifier

SIDE = 32
IMAGES = np.random.default_rng(0).integers(256, size=(5, SIDE, SIDE, 3), dtype="uint8")


def plain():
    """A network that is quickly converted; `test_ours_within_another_model` has one of ours."""
    return keras.Sequential([layers.Conv2D(8, 3, strides=2, activation="relu")])


def ours():
    network = networks.small("Res2Net", include_top=False, input_shape=(SIDE, SIDE, 3))
    return networks.randomise(network, np.random.default_rng(0))


def sequential(*end, base=plain):
    network = base()
    pooled = [network, layers.GlobalAveragePooling2D(), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((SIDE, SIDE, 3)), *pooled, *end])
    if base is ours:  # small logits, so that no probability is 0 or 1
        end[0].set_weights([0.1 * weight for weight in end[0].get_weights()])
    return model


def exported(model, classes, **options):
    card = Card(
        "Own", tuple(f"class {index}" for index in range(classes)), Preprocessing(size=SIDE)
    )
    trained = TrainedModel(model, card, Path())
    return trained, Exporter(trained, None, Options(**options)).file(FLOAT32)


ENDS = {
    "softmax": ([layers.Dense(3, "softmax")], "SOFTMAX"),
    "activation of its own": ([layers.Dense(3), layers.Activation("softmax")], "SOFTMAX"),
    "softmax layer": ([layers.Dense(3), layers.Softmax()], "SOFTMAX"),
    "multi-label": ([layers.Dense(3, "sigmoid")], "LOGISTIC"),
    "one unit": ([layers.Dense(1, "sigmoid")], "SOFTMAX"),
    "one unit without bias": ([layers.Dense(1, use_bias=False, activation="sigmoid")], "SOFTMAX"),
    "one unit, logits": ([layers.Dense(1)], "SOFTMAX"),
    "logits": ([layers.Dense(3)], "SOFTMAX"),
}


@pytest.mark.parametrize("end", ENDS)
def test_probabilities_are_keras_own(end):
    parts, last = ENDS[end]
    model = sequential(*(type(layer).from_config(layer.get_config()) for layer in parts))
    outputs = model.predict(IMAGES_NORMALISED, verbose=0)
    trained, content = exported(model, max(2, outputs.shape[-1]))
    expected = {"one unit": np.concatenate([1 - outputs, outputs], -1)}.get(end)
    if expected is None:
        expected = trained.probabilities(IMAGES_NORMALISED)
    found = Classifier(content).of_images(IMAGES)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.std() > 0.01
    operators = inspect(content).operators
    assert operators[-1].kind == last
    assert all(operator.delegated for operator in operators)


IMAGES_NORMALISED = Preprocessing().normalize(IMAGES)


def test_ours_within_another_model():
    trained, content = exported(sequential(layers.Dense(3, "sigmoid"), base=ours), 3)
    found = Classifier(content).of_images(IMAGES)
    np.testing.assert_allclose(found, trained.probabilities(IMAGES_NORMALISED), atol=1e-5)
    operators = inspect(content).operators
    assert all(operator.delegated for operator in operators)
    assert "stage1_block1" in {operator.layer for operator in operators}


def test_logits_of_many_labels_become_probabilities_where_they_are_read():
    trained, content = exported(sequential(layers.Dense(3, "sigmoid")), 3, gives_logits=True)
    found = Classifier(content).of_images(IMAGES)
    np.testing.assert_allclose(found, trained.probabilities(IMAGES_NORMALISED), atol=1e-5)
    assert Classifier(content).card.activation == "sigmoid"


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ([layers.Dense(3, "tanh")], "one activation of softmax or sigmoid.*Received: tanh behind"),
        ([layers.Dense(3, "sigmoid"), layers.Softmax()], "Received: sigmoid then softmax"),
        ([layers.Dense(3), layers.ReLU()], "whose last layer is Dense.*ReLU"),
        ([], "whose last layer is Dense.*Dropout"),
    ],
)
def test_another_end_is_refused(end, message):
    with pytest.raises(UserError, match=message):
        exported(sequential(*end), 3)


def test_more_outputs_than_one_are_refused_by_name():
    images = keras.Input((8, 8, 3))
    features = layers.Flatten()(images)
    both = [layers.Dense(3, name="kind")(features), layers.Dense(1, name="age")(features)]
    with pytest.raises(UserError, match="with one output. Received: .* with 2: kind, age"):
        head_of(keras.Model(images, both))


def test_another_size_than_the_cards_is_refused():
    with pytest.raises(UserError, match=r"as its card says, \(32, 32\). Received: .*\(8, 8\)"):
        exported(keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(3)]), 3)


def shared_twice():
    """The last layer is applied twice."""
    images = keras.Input((SIDE, SIDE, 3))
    features = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(images))
    dense = layers.Dense(3)
    return keras.Model(images, layers.Softmax()(dense(dense(features))))


def scaled_within():
    return sequential(layers.Dense(3), base=lambda: keras.Sequential([layers.Rescaling(0.5)]))


def standardised_within():
    within = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])
    return sequential(layers.Dense(3), base=lambda: keras.Sequential([within]))


def channels_first_within():
    convolution = layers.Conv2D(8, 3, data_format="channels_first")
    base = keras.Sequential([layers.Permute((3, 1, 2)), convolution, layers.Permute((2, 3, 1))])
    return sequential(layers.Dense(3, "softmax"), base=lambda: base)


def shared_convolution():
    convolution = layers.Conv2D(3, 3, padding="same", activation="relu")
    return sequential(
        layers.Dense(3), base=lambda: keras.Sequential([convolution, layers.ReLU(), convolution])
    )


@pytest.mark.parametrize(
    "make",
    [
        shared_twice,
        scaled_within,
        standardised_within,
        channels_first_within,
        shared_convolution,
    ],
)
def test_other_members_of_what_keras_can_make(make):
    trained, content = exported(make(), 3)
    found = Classifier(content).of_images(IMAGES)
    np.testing.assert_allclose(found, trained.probabilities(IMAGES_NORMALISED), atol=1e-5)
    assert all(operator.delegated for operator in inspect(content).operators)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_half_precision_is_of_training_alone(policy):
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx("float16" if policy == "float16" else "float32")  # that of inputs
    try:
        model = sequential(layers.Dense(3, "softmax"), base=ours)
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_floatx("float32")
    trained, content = exported(model, 3)
    found = Classifier(content).of_images(IMAGES)
    # Keras itself rounds to 8 to 11 bits on the way.
    np.testing.assert_allclose(found, trained.probabilities(IMAGES_NORMALISED), atol=0.03)
    inspection = inspect(content)
    assert all(operator.delegated for operator in inspection.operators)
    assert {type_ for o in inspection.operators for type_ in o.types} == {"uint8", "float32"}


def test_several_inputs_and_lambdas_are_refused_by_name():
    photo, age = keras.Input((SIDE, SIDE, 3), name="photo"), keras.Input((1,), name="age")
    both = layers.Concatenate()([layers.Flatten()(photo), age])
    with pytest.raises(UserError, match="of one input, the image.*with 2: photo, age"):
        exported(keras.Model([photo, age], layers.Dense(3)(both)), 3)
    double = layers.Lambda(lambda values: values * 2, name="double")
    with pytest.raises(UserError, match="with Lambda double"):
        exported(sequential(layers.Dense(3), base=lambda: keras.Sequential([double])), 3)
