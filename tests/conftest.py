"""What every test relies on: quiet TensorFlow, fixed seeds, and one check that every layer passes."""

import functools
import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As training has it, so that each CPU has the gradient of grouped convolutions.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# What one run keeps must not help the next.
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keras-home-")

import keras
import networks
import numpy as np
import pytest

from keras_resnets.features import all_layers


def pytest_unconfigure():
    shutil.rmtree(os.environ["KERAS_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _seeds():
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def randomise(rng):
    """`networks.randomise` with this test's generator."""
    return functools.partial(networks.randomise, rng=rng)


@pytest.fixture
def check_layer(randomise, rng, tmp_path):
    """Saves and reloads, compares shapes, trains a step, and runs in mixed precision."""

    def check(layer, channels=8, side=9):
        inputs = rng.normal(size=(2, side, side, channels)).astype("float32")
        expected = randomise_and_call(layer, inputs)
        assert expected.shape == tuple(layer.compute_output_shape(inputs.shape))
        _reload_is_exact(layer, inputs, tmp_path)
        _free_sides_give_the_same(layer, inputs)
        _a_step_reaches_every_weight(layer, inputs)
        _mixed_precision_runs(layer, inputs)

    def randomise_and_call(layer, inputs):
        layer.build(inputs.shape)
        randomise(layer)
        return keras.ops.convert_to_numpy(layer(inputs))

    return check


def _functional(layer, shape):
    images = keras.Input(shape)
    return keras.Model(images, layer(images))


def _reload_is_exact(layer, inputs, tmp_path):
    model = _functional(layer, inputs.shape[1:])
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(
        model.predict(inputs, verbose=0), loaded.predict(inputs, verbose=0)
    )
    assert [v.path for v in loaded.weights] == [v.path for v in model.weights]


def _free_sides_give_the_same(layer, inputs):
    model = _functional(layer, (None, None, inputs.shape[-1]))
    np.testing.assert_allclose(model.predict(inputs, verbose=0), layer(inputs), atol=1e-5)


def _a_step_reaches_every_weight(layer, inputs):
    model = _functional(layer, inputs.shape[1:])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = [w.copy() for w in layer.get_weights()]
    model.fit(inputs, np.ones(model.output_shape[1:])[None].repeat(2, 0), verbose=0)
    for weight, old in zip(layer.weights, before, strict=True):
        # A bias before a batch normalisation is taken off again with the mean.
        if weight.trainable and not weight.path.endswith("conv/bias"):
            assert np.abs(weight - old).max() > 0, f"{weight.path} did not move"


def _mixed_precision_runs(layer, inputs):
    twin = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    outputs = twin(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(v.dtype) for v in twin.weights} <= {"float32"}
    assert {part.dtype_policy.name for part in all_layers(twin)} <= {"mixed_bfloat16"}
