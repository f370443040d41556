"""Probabilities by the activation that a model really has."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.classifier import Classifier, accuracy, activation, answer_of, probabilities
from keras_resnets.preprocessing import Preprocessing

LOGITS = np.array([2.0, -1.0, 0.5])


def with_head(*head):
    """A model whose logits are `LOGITS`, or their first, whatever it is shown."""
    images = keras.Input((4, 4, 3))
    units = head[0].units
    x = head[0](keras.layers.Flatten()(images))
    head[0].set_weights([np.zeros((48, units)), LOGITS[:units]])
    for layer in head[1:]:
        x = layer(x)
    return keras.Model(images, x)


def dense(units, activation=None):
    return keras.layers.Dense(units, activation=activation)


SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum()
SIGMOID = 1 / (1 + np.exp(-LOGITS))


@pytest.mark.parametrize(
    ("head", "names", "expected"),
    [
        ([dense(3, "softmax")], "abc", SOFTMAX),
        ([dense(3)], "abc", SOFTMAX),
        ([dense(3), keras.layers.Softmax()], "abc", SOFTMAX),
        ([dense(3), keras.layers.Activation("softmax")], "abc", SOFTMAX),
        ([dense(3, "sigmoid")], "abc", SIGMOID),
        ([dense(3), keras.layers.Activation("sigmoid")], "abc", SIGMOID),
        ([dense(1, "sigmoid")], "ab", [1 - SIGMOID[0], SIGMOID[0]]),
        ([dense(1)], "ab", [1 - SIGMOID[0], SIGMOID[0]]),
        ([dense(1, "sigmoid")], "a", SIGMOID[:1]),
    ],
)
def test_the_probabilities_are_those_of_the_last_layer(head, names, expected):
    stream = io.BytesIO()
    Image.new("RGB", (9, 7)).save(stream, "PNG")
    model = with_head(*head)
    for given in (model, keras.Sequential([keras.Input((4, 4, 3)), model])):
        classifier = Classifier(given, Card("mine", tuple(names), Preprocessing(4)))
        found = classifier.probabilities(stream.getvalue())
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    best = int(np.argmax(expected))
    ((name, probability),) = classifier.classify(stream.getvalue(), top=1)
    assert name == names[best]
    assert probability == pytest.approx(expected[best])


def test_an_activation_without_probabilities_is_refused():
    with pytest.raises(ValueError, match="whose last layer dense.* applies relu"):
        activation(with_head(dense(3, "relu")))


def test_large_logits_do_not_overflow():
    np.testing.assert_allclose(probabilities(np.array([1e4, 1e4]), "linear", classes=2), [0.5, 0.5])
    np.testing.assert_allclose(probabilities(np.array([-1e4]), "linear", classes=1), [0.0])


def _photo():
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    return content.getvalue()


def test_photos_are_seen_by_one_trace_of_the_network():
    """`predict` made a data set of each, which took eight times as long as to see it."""
    traced = []

    def count(images):
        traced.append(images.shape)
        return images

    images = keras.Input((4, 4, 3))
    logits = keras.layers.Dense(3)(keras.layers.Flatten()(keras.layers.Lambda(count)(images)))
    card = Card("none", ("ant", "bee", "cat"), Preprocessing(size=4))
    for flip in (False, True):
        classifier = Classifier(keras.Model(images, logits), card, flip=flip)
        traced.clear()
        for _ in range(3):
            classifier.answer(_photo())
        assert traced == [(None, 4, 4, 3)]


@pytest.mark.parametrize(
    ("names", "size", "reason"),
    [
        ("ab", 4, "as many classes as functional.* has outputs, 3. Received: 2 class names"),
        ("abc", 8, "makes images of 4x4 pixels, as functional.* takes them. Received: 8x8"),
    ],
)
def test_a_card_of_another_model_is_refused(names, size, reason):
    with pytest.raises(ValueError, match=reason):
        Classifier(with_head(dense(3)), Card("none", tuple(names), Preprocessing(size=size)))


def test_all_labels_above_a_half_are_given():
    model = with_head(dense(3, "sigmoid"))  # 88 %, 27 %, 62 %
    card = Card("none", ("ant", "bee", "cat"), Preprocessing(size=4), multi_label=True)
    answer = Classifier(model, card).answer(_photo(), top=1)
    assert answer.labels == ("ant", "cat")
    assert answer.name == "ant;cat"
    assert [name for name, _ in answer.classes] == ["ant", "cat"]
    none = answer_of(np.array([0.5, 0.2]), ("ant", "bee"), None, multi_label=True)
    assert (none.labels, none.name, len(none.classes)) == ((), "none", 2)


def test_accuracy_of_classes_and_of_labels():
    logits = np.array([[2.0, -1.0, 0.5], [-1.0, -2.0, -3.0]])
    assert accuracy(logits, np.array([0, 1])) == 0.5
    truth = np.array([[1, 1, 1], [0, 0, 0]], "uint8")
    assert accuracy(logits, truth, threshold=0) == pytest.approx(5 / 6)
