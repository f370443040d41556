"""A network as a function: its answers, whatever number of images, traced once; how many at a time."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import FAMILIES, randomise, small

from keras_resnets.inference import compiled, images_at_once


@pytest.mark.parametrize("family", FAMILIES)
def test_it_answers_as_the_network_does(family, rng):
    network = randomise(small(family, input_shape=(33, 40, 3)), rng)
    answer = compiled(network)
    images = rng.normal(size=(3, 33, 40, 3)).astype("float32")
    expected = network.predict_on_batch(images)
    np.testing.assert_allclose(answer(images), expected, atol=1e-5 * np.abs(expected).max())


def test_another_number_of_images_needs_no_other_trace(rng):
    answer: Any = compiled(small("ResNeXt"))
    for images in (4, 1, 3):
        assert answer(rng.normal(size=(images, 64, 64, 3)).astype("float32")).shape[0] == images
    assert answer.experimental_get_tracing_count() == 1


def test_it_answers_by_the_weights_that_the_network_has_then(rng):
    network = small("ReXNet", classes=3)
    answer, images = compiled(network), rng.normal(size=(2, 64, 64, 3)).astype("float32")
    before = answer(images).numpy()
    randomise(network, rng)
    expected = network.predict_on_batch(images)
    assert np.abs(before - expected).max() > 1e-3
    np.testing.assert_allclose(answer(images), expected, atol=1e-5)


def test_a_subclassed_network_learns_of_its_input_by_the_first_images(rng):
    class Means(keras.Model):
        def call(self, images):
            return keras.ops.mean(images, axis=(1, 2))

    answer = compiled(Means())
    for images in (rng.normal(size=(n, 5, 7, 3)).astype("float32") for n in (2, 1, 3)):
        np.testing.assert_allclose(answer(images), images.mean(axis=(1, 2)), atol=1e-6)


def test_another_back_end_compiles_as_keras_does(monkeypatch):
    network = small("ResNeXt")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert compiled(network) == network.predict_on_batch


@pytest.mark.parametrize(
    ("side", "images"), [(32, 64), (79, 64), (80, 62), (224, 8), (288, 4), (448, 2), (4480, 1)]
)
def test_a_cpu_takes_fewer_large_images_at_once(side, images, monkeypatch):
    assert images_at_once(side, side) == images
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert images_at_once(side, side) == 64
