"""Where a network learns nothing, a CPU sees fewer large images at a time."""

import pytest
import tensorflow as tf

from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.preprocessing import Preprocessing
from training.data.at_once import images_at_once
from training.reporting.evaluate import answers


@pytest.mark.parametrize(
    ("side", "images"), [(32, 64), (79, 64), (80, 62), (224, 8), (288, 4), (448, 2), (4480, 1)]
)
def test_a_cpu_takes_fewer_large_images_at_once(side, images, monkeypatch):
    assert images_at_once(side, side) == images
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert images_at_once(side, side) == 64


def test_evaluation_takes_them():
    image = tf.io.encode_png(tf.zeros((20, 30, 3), tf.uint8))
    labels = tf.constant(1, tf.int64)
    data = ImageData(
        "some",
        ("a", "b"),
        {"test": 5},
        lambda split, *, shuffle_files: tf.data.Dataset.from_tensors((image, labels)).repeat(5),
    )
    seen = []

    def answer(images):
        seen.append(len(images))
        return images[:, 0, 0]

    found, _ = answers(
        answer, Card("ReXNet100", data.class_names, Preprocessing(500)), data, "test"
    )
    assert seen == [1] * 5
    assert found.shape == (5, 3)
