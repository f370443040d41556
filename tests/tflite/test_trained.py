"""Which images belong to a model, and how many of them it sees at a time."""

from pathlib import Path

import keras
import numpy as np
import pytest

from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing, imagenet_classes
from tflite.trained import TrainedModel, images_of

IDS, NAMES = zip(*imagenet_classes(), strict=True)


def images(class_names: tuple[str, ...]) -> ImageData:
    def nothing(split: str, *, shuffle_files: bool):
        raise AssertionError("only the names are looked at")

    return ImageData("photos", class_names, {"train": 1}, nothing)


@pytest.mark.parametrize("names", [IDS, NAMES])
def test_imagenet_is_known_by_its_ids_and_by_its_names(names, monkeypatch) -> None:
    monkeypatch.setattr("tflite.trained.open_data", lambda **_: images(names))
    card = Card("ResNeSt14", NAMES, Preprocessing())
    found = images_of(card, {"folder": "imagenet"})
    assert found is not None
    assert found.class_names == NAMES


def test_classes_meet_by_name(monkeypatch) -> None:
    monkeypatch.setattr("tflite.trained.open_data", lambda **_: images(("red", "blue")))
    card = Card("Own", ("blue", "green", "red"), Preprocessing())
    found = images_of(card, {"folder": "photos"})
    assert found is not None
    assert found.class_names == card.class_names


def test_images_of_a_class_that_the_model_does_not_know_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("tflite.trained.open_data", lambda **_: images(("red", "yellow")))
    with pytest.raises(UserError, match=r"images of 'yellow', which are none of these"):
        images_of(Card("Own", ("blue", "red"), Preprocessing()), {"folder": "photos"})


def test_without_images_there_are_none() -> None:
    assert images_of(Card("ResNeSt14", NAMES, Preprocessing()), {}) is None


def test_a_model_sees_no_more_images_at_once_than_serve_a_cpu(monkeypatch, rng) -> None:
    seen = []

    def compiled(model):
        def compute(images):
            seen.append(len(images))
            return model(images)

        return compute

    monkeypatch.setattr("tflite.trained.compiled", compiled)
    layers = [keras.Input((224, 224, 3)), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([*layers, keras.layers.Softmax()])
    trained = TrainedModel(model, Card("Own", ("a", "b", "c"), Preprocessing()), Path())
    images = rng.normal(size=(20, 224, 224, 3)).astype("float32")
    expected = keras.ops.softmax(images.mean(axis=(1, 2)))
    np.testing.assert_allclose(trained.probabilities(images), expected, rtol=1e-4)
    assert seen == [8, 8, 4]
