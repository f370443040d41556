"""The same source on every back end: `make test-backends` runs this with JAX and with torch."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from backends.cases import CASES, build, images, logits
from networks import FAMILIES, randomise, small
from PIL import Image
from references import draw
from safetensors.numpy import save_file

import keras_resnets
from keras_resnets.classifier import Classifier
from keras_resnets.optimizers import LayerwiseAdamW, LayerwiseSGD

pytestmark = pytest.mark.backends

TESTS = Path(__file__).parents[1]
# What a step need not move: a schedule's rate, and a bias that the normalisation behind it takes away.
STILL = ("drop_block/rate", "fc1/conv/bias")


@pytest.fixture(autouse=True)
def _clear():
    yield
    # Compiled functions add up to gigabytes.
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def tensorflows(tmp_path_factory):
    """The folder where TensorFlow left its models and their logits."""
    folder = tmp_path_factory.mktemp("tensorflow")
    subprocess.run(
        [sys.executable, "-m", "backends.cases", folder],
        cwd=TESTS,
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        check=True,
    )
    return folder


@pytest.mark.parametrize("case", CASES)
def test_a_model_of_tensorflow_gives_its_logits(case, tensorflows):
    model = keras.models.load_model(tensorflows / f"{case}.keras")
    with np.load(tensorflows / f"{case}.npz") as stored:
        batch, expected = stored["images"], stored["logits"]
    actual = logits(model, batch)
    np.testing.assert_allclose(actual, expected, atol=1e-4 * expected.std())
    deployed = logits(keras_resnets.deploy(model), batch)
    np.testing.assert_allclose(deployed, actual, atol=1e-5 * np.abs(expected).max())


def test_a_photo_is_named(rng):
    model = randomise(small("ReXNet", classes=3), rng)
    card = keras_resnets.Card("ReXNet", ("ant", "bee", "cat"), keras_resnets.Preprocessing(64))
    pixels, content = rng.integers(0, 256, (64, 64, 3), "uint8"), io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    expected = logits(model, card.preprocessing(pixels)[None])[0]
    found = Classifier(model, card).probabilities(content.getvalue())
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "architecture"), [("ResNeSt14", "resnest14d"), ("ReXNet100", "rexnet_100")]
)
def test_a_checkpoint_gives_timms_logits(variant, architecture, tmp_path):
    with np.load(TESTS / "references" / "data" / f"{architecture}.npz") as reference:
        shapes, expected = json.loads(str(reference["keys"])), reference["logits_129"]
    save_file(draw.draw_tensors(architecture, shapes), tmp_path / "model.safetensors")
    model = keras_resnets.create_model(
        variant,
        weights=str(tmp_path / "model.safetensors"),
        input_shape=(129, 129, 3),
        classifier_activation=None,
    )
    batch = np.stack([draw.draw_image(seed, 129) for seed in draw.IMAGE_SEEDS])
    actual = logits(model, batch)[:, draw.CLASSES]
    assert np.abs(actual - expected).max() < 1e-4 * expected.std()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_of_fit_moves_every_weight(family, rng):
    model = randomise(build(family), rng)
    model.compile(
        keras.optimizers.SGD(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    before = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    history = model.fit(images(family, rng), np.arange(4), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    after = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    still = {path for path in before if np.array_equal(before[path], after[path])}
    assert {path for path in still if not path.endswith(STILL)} == set()


@pytest.mark.parametrize("family", FAMILIES)
def test_saving_and_loading_is_exact(family, rng, tmp_path):
    model, batch = randomise(build(family), rng), images(family, rng)
    expected = logits(model, batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(logits(loaded, batch), expected)
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = build(family)
    fresh.load_weights(tmp_path / "model.weights.h5")
    # Through the constructor: the strict way, which goes by names.
    named = build(family, weights=str(tmp_path / "model.keras"))
    for other in (fresh, named):
        for variable, original in zip(other.weights, model.weights, strict=True):
            np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (variable, original)))


def test_input_tensor_is_built_upon(rng):
    inputs = keras.Input((32, 32, 3))
    model = small(
        "Res2Net", input_shape=None, input_tensor=keras.layers.Rescaling(2.0)(inputs), classes=3
    )
    plain = small("Res2Net", input_shape=(32, 32, 3), classes=3)
    plain.set_weights(model.get_weights())
    batch = images("Res2Net", rng)
    np.testing.assert_allclose(logits(model, batch), logits(plain, 2 * batch), atol=1e-6)


def test_a_pyramid_and_frozen_stages(rng):
    model, batch = randomise(build("ResNeXt"), rng), images("ResNeXt", rng)
    pyramid = keras_resnets.feature_extractor(model).predict(batch, verbose=0)
    assert {name: x.shape for name, x in pyramid.items()} == {
        "stage1_block1": (4, 8, 8, 64),
        "stage2_block2": (4, 4, 4, 128),
    }
    keras_resnets.freeze_stages(model, 2)
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {
        "stage2_block1",
        "stage2_block2",
        "predictions",
    }


@pytest.mark.parametrize("optimizer", [LayerwiseSGD, LayerwiseAdamW])
def test_a_layer_with_multiplier_zero_stays(optimizer, rng):
    model = randomise(build("ResNeSt"), rng)
    paths = [v.path for v in model.trainable_variables]
    multipliers = {path: 0.0 for path in paths if path.startswith("stem")}
    options = {"weight_decay": 0.0} if optimizer is LayerwiseAdamW else {}
    model.compile(
        optimizer(0.01, multipliers=multipliers, **options),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    model.fit(images("ResNeSt", rng), np.arange(4), verbose=0)
    after = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    unmoved = {p for p, a, b in zip(paths, before, after, strict=True) if np.array_equal(a, b)}
    assert {path for path in unmoved if not path.endswith(STILL)} == set(multipliers)


# Not ReXNet: XLA takes minutes on a CPU for a depthwise convolution's gradient in bfloat16.
@pytest.mark.parametrize("family", ["ResNeXt", "ResNeSt"])
def test_mixed_precision_trains(family, rng):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(family)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(images(family, rng), np.arange(4), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.weights} == {"float32"}


def test_preprocessing_takes_tensors(rng):
    x = rng.integers(0, 256, (2, 5, 4, 3)).astype("uint8")
    expected = keras_resnets.preprocess_input(x)
    tensor = keras_resnets.preprocess_input(keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), expected, atol=1e-6)
    assert keras.backend.standardize_dtype(tensor.dtype) == "float32"
    scores = keras.ops.convert_to_tensor(rng.random((1, 1000)).astype("float32"))
    assert len(keras_resnets.decode_predictions(scores, top=3)[0]) == 3
