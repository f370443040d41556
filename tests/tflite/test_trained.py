"""Which images belong to a model."""

import pytest

from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.preprocessing import Preprocessing, imagenet_classes
from tflite.trained import images_of

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


def test_ids_in_another_order_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("tflite.trained.open_data", lambda **_: images(IDS[::-1]))
    with pytest.raises(ValueError, match="images of the model's 1000 classes"):
        images_of(Card("ResNeSt14", NAMES, Preprocessing()), {"folder": "imagenet"})


def test_without_images_there_are_none() -> None:
    assert images_of(Card("ResNeSt14", NAMES, Preprocessing()), {}) is None
