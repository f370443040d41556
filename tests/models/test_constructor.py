"""The one signature: what it accepts, what it refuses, and that models are saved exactly."""

import inspect
from typing import Any

import keras
import numpy as np
import pytest
from networks import FAMILIES, small

import keras_resnets
from keras_resnets.features import all_layers

SIGNATURE = (
    "(include_top: bool = True, weights: str | None = 'imagenet', input_tensor: Any = None, "
    "input_shape: tuple[int | None, int | None, int] | None = None, pooling: str | None = None, "
    "classes: int | None = None, classifier_activation: str | None = 'softmax', "
    "name: str | None = None, *, output_stride: int = 32, drop_path_rate: float = 0.0, "
    "drop_block_rate: float = 0.0, drop_rate: float = 0.0)"
)


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 64, 64, 3)).astype("float32")


def test_every_variant_shows_the_same_signature():
    for name in keras_resnets.list_models():
        constructor = getattr(keras_resnets, name)
        assert str(inspect.signature(constructor)).startswith(SIGNATURE), name
        assert constructor.__name__ == name


def test_help_shows_the_variants_numbers():
    documentation = inspect.getdoc(keras_resnets.ResNeSt50) or ""
    assert "27,483,240 parameters" in documentation
    assert "5.37 billion" in documentation
    assert "output_stride" in documentation


def test_positional_arguments_are_those_of_keras_applications():
    model = keras_resnets.ResNeSt14(False, None, None, (64, 64, 3), "avg")
    reference = keras.applications.ResNet50(False, None, None, (64, 64, 3), "avg")
    assert model.output_shape == reference.output_shape == (None, 2048)


@pytest.mark.parametrize("family", FAMILIES)
def test_saving_and_loading_is_exact(family, images, randomise, tmp_path):
    model = randomise(small(family, classes=7))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
    model.save_weights(tmp_path / "model.weights.h5")
    fresh = small(family, classes=7)
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(
        fresh.predict(images, verbose=0), model.predict(images, verbose=0)
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_the_deployed_model_is_saved_exactly_and_leaves_the_original(
    family, images, randomise, tmp_path
):
    model = randomise(small(family, classes=7))
    before = model.predict(images, verbose=0)
    deployed = keras_resnets.deploy(model)
    deployed.save(tmp_path / "deployed.keras")
    loaded = keras.models.load_model(tmp_path / "deployed.keras")
    np.testing.assert_allclose(deployed.predict(images, verbose=0), before, atol=1e-5)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), deployed.predict(images, verbose=0)
    )
    assert not any("norm" in variable.path for variable in deployed.weights)
    deployed.get_layer("predictions").kernel.assign_add(
        np.ones(deployed.get_layer("predictions").kernel.shape)
    )
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)


def test_deploying_twice_is_refused(randomise):
    deployed = keras_resnets.deploy(small("ResNeXt"))
    with pytest.raises(ValueError, match="deployed already"):
        keras_resnets.deploy(deployed)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_saved_trains_and_predicts_in_float32(family, policy, images, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        small(family, classes=3, drop_path_rate=0.2, drop_block_rate=0.1).save(tmp_path / "m.keras")
    finally:
        keras.config.set_dtype_policy(before)
    model = keras.models.load_model(tmp_path / "m.keras")
    policies = {layer.name: layer.dtype_policy.name for layer in all_layers(model)}
    assert {name for name, found in policies.items() if found != policy} == {
        "images",
        "predictions",
    }
    # Tracing a step takes ten times as long as one; the layers' own tests trace theirs.
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    history = model.fit(images, np.array([0, 1]), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(images, verbose=0).dtype == "float32"
    assert {v.dtype for v in model.trainable_weights} == {"float32"}


@pytest.mark.parametrize("family", ["ResNeXt", "ResNeSt", "Res2Net"])
def test_output_stride_keeps_the_resolution(family):
    model = getattr(keras_resnets, family)(
        depths=(1, 1, 2, 2), planes=16, include_top=False, input_shape=(96, 96, 3), output_stride=8
    )
    assert model.output_shape == (None, 12, 12, 512)
    assert [model.get_layer(f"stage{s}_block2").spatial.dilation_rate for s in (3, 4)] == [2, 4]
    assert model.get_layer("stage4_block1").spatial.dilation_rate == 2


DILATED: dict[str, dict[str, Any]] = {
    "ResNeXt": {"depths": (1, 1, 2, 2), "planes": 16, "cardinality": 8, "width": 8},
    "Res2Net": {"depths": (1, 1, 2, 2), "planes": 16, "stem": "deep", "shortcut": "pool"},
    # Without the squeeze-and-excite, which averages over more positions in a dilated network.
    "ReXNet": {"multiplier": 0.5, "squeeze_ratio": None},
}


@pytest.mark.parametrize("family", DILATED)
@pytest.mark.parametrize("output_stride", [8, 16])
@pytest.mark.parametrize("side", [96, 81])
def test_dilation_samples_the_same_function_more_densely(
    family, output_stride, side, randomise, rng
):
    arguments = {"include_top": False, "input_shape": (side, side, 3), **DILATED[family]}
    strided = randomise(getattr(keras_resnets, family)(**arguments))
    dilated = getattr(keras_resnets, family)(**arguments, output_stride=output_stride)
    dilated.set_weights(strided.get_weights())
    images = rng.normal(size=(2, side, side, 3)).astype("float32")
    step = 32 // output_stride
    dense = dilated.predict(images, verbose=0)
    sparse = strided.predict(images, verbose=0)
    assert dense.shape[1] == -(-side // output_stride)
    np.testing.assert_allclose(dense[:, ::step, ::step], sparse, atol=1e-5 * np.abs(sparse).max())


@pytest.mark.parametrize(
    ("pooling", "shape"), [(None, (None, 2, 2, 128)), ("avg", (None, 128)), ("max", (None, 128))]
)
def test_without_the_top(pooling, shape):
    assert (
        small("ResNeXt", include_top=False, pooling=pooling, input_shape=(16, 16, 3)).output_shape
        == shape
    )


def test_input_tensor_is_built_upon(images):
    inputs = keras.Input((64, 64, 3))
    model = small(
        "ResNeXt", input_tensor=keras.layers.Rescaling(2.0)(inputs), input_shape=None, classes=3
    )
    plain = small("ResNeXt", input_shape=(64, 64, 3), classes=3)
    plain.set_weights(model.get_weights())
    assert model.inputs == [inputs]
    np.testing.assert_allclose(
        model.predict(images, verbose=0), plain.predict(2 * images, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "mean"}, "Expected pooling .* Received: 'mean'"),
        ({"output_stride": 4}, "Expected an output_stride of .* Received: 4"),
        ({"input_shape": (31, 64, 3)}, r"at least 32x32 pixels.*\(31, 64, 3\).*stem='small'"),
        ({"input_shape": (64, 64)}, r"Expected images of \(height, width, channels\)"),
        ({"classes": 0}, "Expected classes of 1 or more. Received: classes=0"),
        ({"drop_path_rate": 1.0}, r"Expected drop_path_rate in \[0, 1\). Received: 1.0"),
    ],
)
def test_bad_arguments_name_the_rule_and_what_arrived(arguments, message):
    with pytest.raises(ValueError, match=message):
        keras_resnets.ResNeSt14(weights=None, **arguments)


def test_free_form_knows_its_arguments():
    with pytest.raises(TypeError, match="cardinalty"):
        keras_resnets.ResNeXt(cardinalty=32)  # type: ignore[call-arg]
    assert "cardinality" in inspect.signature(keras_resnets.ResNeXt).parameters


@pytest.mark.parametrize(
    ("family", "field", "value"),
    [
        ("ResNeXt", "depths", (3, 0)),
        ("ResNeXt", "depths", ()),
        ("ResNeXt", "depths", [1.5]),
        ("ResNeXt", "depths", 3),
        ("ResNeXt", "planes", 10**9),
        ("ResNeXt", "planes", 8.5),
        ("ResNeXt", "cardinality", 0),
        ("ResNeXt", "cardinality", True),
        ("ResNeXt", "stem", 7),
        ("ResNeXt", "zero_gamma", "no"),
        ("ResNeSt", "radix", -1),
        ("Res2Net", "scale", "4"),
        ("ReXNet", "multiplier", float("nan")),
        ("ReXNet", "multiplier", float("inf")),
        ("ReXNet", "multiplier", 0),
        ("ReXNet", "squeeze_ratio", -0.1),
        ("ReXNet", "divisor", 0),
    ],
)
def test_a_configuration_out_of_its_range_is_told_by_its_field(family, field, value):
    with pytest.raises(ValueError, match=f"^Expected {field} to be .* Received: "):
        getattr(keras_resnets, family)(**{field: value})


def test_a_group_has_at_least_one_channel():
    with pytest.raises(ValueError, match=r"to be 1 or more\. Received: planes=8, width=4"):
        keras_resnets.ResNeXt(planes=8, width=4, cardinality=32)


@pytest.mark.parametrize(
    ("name", "constructor"),
    [("resnest50d", "ResNeSt50"), ("RESNEXT50", "ResNeXt50"), ("rexnet_100", "ReXNet100")],
)
def test_models_are_found_by_our_name_and_timms(name, constructor):
    assert keras_resnets.model_info(name).name == constructor


def test_an_unknown_model_gets_the_near_misses():
    with pytest.raises(ValueError, match="Unknown model name='resnet5'. Did you mean .*ResNet50"):
        keras_resnets.create_model("resnet5")


def test_a_layer_that_no_checkpoint_knows_has_no_key():
    """A typo in a layer's name must not become the name of another tensor."""
    for name in ("ResNeXt50", "ResNeSt50", "Res2Net50_26w_4s", "ReXNet100"):
        source_key = keras_resnets.model_info(name).source_key
        for path in ("stage1_block2/conv2/conv/kernel", "stage1_block2/gate/norm/gamma"):
            with pytest.raises(KeyError):
                source_key(path)
