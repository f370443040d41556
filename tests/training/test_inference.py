"""A network where nothing is learned: its deployed form, where that is the same function and faster."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import FAMILIES, randomise, small

import keras_resnets
from keras_resnets.quantization import Int8Simulation
from training import inference
from training.inference import in_inference
from training.networks import split


@pytest.fixture
def deployed(monkeypatch):
    """The networks that were deployed."""
    found = []

    def deploy(network):
        found.append(network)
        return keras_resnets.deploy(network)

    monkeypatch.setattr(inference, "deploy", deploy)
    return found


def _agrees(network, images):
    expected = network(images, training=False).numpy()
    found = in_inference(network)(images).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("part", ["whole", "frozen", "features"])
def test_the_deployed_form_gives_the_same(family, part, deployed, rng):
    network = randomise(small(family, input_shape=(33, 40, 3)), rng)
    network = {
        "whole": network,
        "frozen": split(network, 2)[0],
        "features": keras.Model(network.input, network.layers[-1].input),
    }[part]
    _agrees(network, rng.normal(size=(3, 33, 40, 3)).astype("float32"))
    assert deployed == [network]


class _Unknown(keras.layers.Layer):
    """Another package's, which has no configuration to be rebuilt from."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs


def _foreign(network):
    return keras.Model(network.input, _Unknown(2.0)(network.outputs[0]))


def _with_lambda(network):
    return keras.Model(network.input, keras.layers.Lambda(lambda x: 2 * x)(network.outputs[0]))


def _without_blocks(network):
    images = keras.Input(network.input_shape[1:])
    return keras.Model(images, keras.layers.Flatten()(images))


@pytest.mark.parametrize(
    "as_it_is",
    [
        _foreign,
        _with_lambda,
        _without_blocks,
        keras_resnets.deploy,
        lambda network: Int8Simulation(keras_resnets.deploy(network)),
    ],
    ids=["another's layer", "a Lambda", "no block of ours", "deployed already", "int8 simulated"],
)
def test_what_cannot_be_deployed_is_computed_as_it_is(as_it_is, deployed, rng):
    network = as_it_is(randomise(small("ReXNet"), rng))
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    if isinstance(network, Int8Simulation):
        network.calibrate([images])
    _agrees(network, images)
    assert not deployed


def test_half_precision_is_computed_as_it_is(deployed, rng):
    """Folded weights would be rounded otherwise."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = small("ReXNet")
    finally:
        keras.config.set_dtype_policy("float32")
    assert in_inference(network)(rng.normal(size=(1, 64, 64, 3))).shape == (1, 1000)
    assert not deployed


def test_a_gpu_computes_it_as_it_is(deployed, monkeypatch, rng):
    """Nobody has measured there."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    _agrees(small("ReXNet"), rng.normal(size=(1, 64, 64, 3)).astype("float32"))
    assert not deployed


def test_a_last_batch_of_another_size_needs_no_other_trace(rng):
    compute: Any = in_inference(small("ResNeXt"))
    for images in (4, 1, 3):
        compute(rng.normal(size=(images, 64, 64, 3)).astype("float32"))
    assert compute.experimental_get_tracing_count() == 1
