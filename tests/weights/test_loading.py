from typing import Any

import keras
import numpy as np
import pytest
import torch_files
from safetensors.numpy import save, save_file

import keras_resnets
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from keras_resnets.weights import (
    Checkpoint,
    DownloadError,
    FreshHeadWarning,
    HubSource,
    InitialWeights,
    LicenceWarning,
    PublishedResult,
    adapt_channels,
    load_checkpoint,
    registered_checkpoint,
    registry,
)


def _entry(tag, top1, licence="apache-2.0"):
    return Checkpoint(
        variant="Toy",
        architecture="toy",
        tag=tag,
        source=HubSource(f"timm/toy.{tag}"),
        licence=licence,
        classes=1000,
        training_preprocessing=Preprocessing(),
        results=(PublishedResult(top1, 224, 0.875),),
    )


ENTRIES = (_entry("good", 70.0), _entry("better", 71.0), _entry("best", 80.0, "cc-by-nc-4.0"))


@pytest.fixture
def published(hub, toy, rng, monkeypatch):
    """Three toy checkpoints on the local hub; returns their tensors by tag."""
    monkeypatch.setattr(registry, "_registry", lambda: {"Toy": ENTRIES})
    tensors = {entry.tag: toy.tensors(rng) for entry in ENTRIES}
    for tag, values in tensors.items():
        hub.put(f"timm/toy.{tag}", save(values))
    return tensors


@pytest.fixture
def load(toy):
    def run(model, weights):
        return load_checkpoint(model, "Toy", weights, key_of=toy.key_of)

    return run


def _is_loaded(model, tensors):
    return np.array_equal(model.get_layer("norm").moving_mean, tensors["bn1.running_mean"])


def test_none_loads_nothing(toy, load):
    model = toy.model()
    before = model.get_weights()
    assert load(model, None) is None
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize(("weights", "tag"), [("imagenet", "better"), ("good", "good")])
def test_a_checkpoint_from_the_hub(published, toy, load, weights, tag):
    model = toy.model()
    assert load(model, weights).tag == tag
    assert _is_loaded(model, published[tag])
    np.testing.assert_array_equal(
        model.get_layer("predictions").kernel, published[tag]["fc.weight"].T
    )


def test_a_non_commercial_licence_is_named_once(published, toy, load):
    with pytest.warns(LicenceWarning, match="licence of toy.best is 'cc-by-nc-4.0'") as warned:
        load(toy.model(), "best")
    assert len(warned) == 1


def test_a_failed_download_leaves_the_model_as_it_was(published, hub, toy, load):
    model = toy.model()
    before = model.get_weights()
    hub.fault = "corrupt"
    with pytest.raises(DownloadError):
        load(model, "imagenet")
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.fixture(params=[".safetensors", ".weights.h5", ".keras", ".pth"])
def path(request, toy, load, rng, tmp_path):
    """A file of the same toy weights in each format."""
    save_file(toy.tensors(rng), tmp_path / "toy.safetensors")
    model = toy.model()
    load(model, tmp_path / "toy.safetensors")
    model.save_weights(tmp_path / "toy.weights.h5")
    model.save(tmp_path / "toy.keras")
    torch_files.save({"state_dict": toy.tensors(np.random.default_rng(0))}, tmp_path / "toy.pth")
    return tmp_path / f"toy{request.param}"


@pytest.fixture
def tensors(toy):
    return toy.tensors(np.random.default_rng(0))


def test_a_file(toy, load, path, tensors):
    model = toy.model()
    assert load(model, str(path)) is None
    assert _is_loaded(model, tensors)
    np.testing.assert_array_equal(model.get_layer("predictions").bias, tensors["fc.bias"])


def test_other_classes_get_a_fresh_head_and_are_told(toy, load, path, tensors):
    model = toy.model(classes=2)
    kernel = keras.ops.convert_to_numpy(model.get_layer("predictions").kernel)
    with pytest.warns(FreshHeadWarning, match="has 2 classes, the checkpoint's 5"):
        load(model, path)
    assert _is_loaded(model, tensors)
    np.testing.assert_array_equal(model.get_layer("predictions").kernel, kernel)


def test_a_backbone_leaves_the_classifier_aside(toy, load, path, tensors):
    model = toy.model(include_top=False)
    load(model, path)
    assert _is_loaded(model, tensors)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_adapt_the_first_convolution(toy, load, path, tensors, channels):
    model = toy.model(channels=channels)
    load(model, path)
    expected = adapt_channels(tensors["conv1.weight"], channels).transpose(2, 3, 1, 0)
    np.testing.assert_allclose(model.get_layer("stem").kernel, expected, rtol=1e-6)
    assert _is_loaded(model, tensors)


def test_a_file_of_another_model(toy, load, path):
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 5, name="stem", use_bias=False)(images)
    other = keras.Model(images, x, name="other")
    with pytest.raises(ValueError, match="(?s)does not fit other.*unused.*of another shape"):
        load(other, path)


def test_variables_of_the_top_alone_may_be_absent(toy, rng, tmp_path):
    tensors = toy.tensors(rng) | {"hidden.weight": np.ones((4, 4), "float32")}
    save_file(tensors, tmp_path / "toy.safetensors")
    keys = toy.keys | {"hidden/kernel": "hidden.weight"}
    model = toy.model(include_top=False)
    with pytest.raises(ValueError, match="1 unused"):
        load_checkpoint(model, "Toy", tmp_path / "toy.safetensors", key_of=keys.__getitem__)
    load_checkpoint(
        model, "Toy", tmp_path / "toy.safetensors", key_of=keys.__getitem__, top=["hidden/kernel"]
    )
    assert _is_loaded(model, tensors)


def test_what_weights_means(published):
    assert registered_checkpoint("Toy", None) is None
    assert registered_checkpoint("Toy", "runs/a/best.keras") is None
    assert registered_checkpoint("Toy", "model.pth") is None
    assert registered_checkpoint("Toy", "imagenet").tag == "better"
    with pytest.raises(ValueError, match="Unknown weights='goood' of Toy. Did you mean 'good'"):
        registered_checkpoint("Toy", "goood")
    with pytest.raises(ValueError, match="no ImageNet weights of Toys"):
        registered_checkpoint("Toys", "imagenet")


@pytest.fixture
def initial(toy):
    def run(weights):
        return InitialWeights("Toy", weights, key_of=toy.key_of)

    return run


def test_a_file_tells_its_classes(path, initial):
    assert initial(path).classes == 5


def test_nothing_and_the_registry_tell_their_classes_without_a_file(published, hub, initial):
    assert initial(None).classes is None
    assert initial("good").classes == 1000
    assert hub.requests == []


@pytest.mark.parametrize(
    "prefix",
    ["module.", "_orig_mod.", "model.", "module._orig_mod.", "net.model.module.", "backbone."],
)
@pytest.mark.parametrize("extra", [{}, {"n_averaged": np.array(3)}])
def test_prefixes_are_taken_off(toy, rng, initial, tmp_path, prefix, extra):
    tensors = toy.tensors(rng)
    path = tmp_path / "wrapped.safetensors"
    save_file({prefix + key: tensor for key, tensor in tensors.items()} | extra, path)
    assert initial(path).classes == 5
    model = toy.model()
    initial(path).load(model)
    assert _is_loaded(model, tensors)


def test_a_network_compiled_in_parts(toy, rng, initial, tmp_path):
    tensors = toy.tensors(rng)
    keys = {key: key.replace(".", "._orig_mod.", 1) for key in tensors}
    save_file(
        {keys[key]: tensor for key, tensor in tensors.items()}, tmp_path / "parts.safetensors"
    )
    model = toy.model()
    initial(tmp_path / "parts.safetensors").load(model)
    assert _is_loaded(model, tensors)


def test_what_was_counted_beside_the_weights_is_left(toy, rng, load, tmp_path):
    counts = {"total_ops": np.zeros(1), "conv1.total_params": np.zeros(1)}
    tensors = toy.tensors(rng)
    save_file(tensors | counts, tmp_path / "counted.safetensors")
    model = toy.model()
    load(model, tmp_path / "counted.safetensors")
    assert _is_loaded(model, tensors)


@pytest.mark.parametrize(
    ("keys", "pattern"),
    [
        (
            lambda key: f"module.x{key}",
            "does not fit toy: all 9 keys begin with 'module.'. ",
        ),
        (
            lambda key: f"model.{key}" if key != "fc.bias" else key,
            "8 of 9 keys begin with 'model.'",
        ),
        (
            lambda key: key.replace("conv", "kern").replace("bn", "no").replace("fc", "l"),
            "none of its 9",
        ),
    ],
)
def test_what_does_not_fit_says_the_pattern_first(toy, rng, load, tmp_path, keys, pattern):
    path = tmp_path / "søt one.safetensors"
    save_file({keys(key): tensor for key, tensor in toy.tensors(rng).items()}, path)
    with pytest.raises(UserError, match=pattern) as refused:
        load(toy.model(), path)
    assert str(refused.value).startswith(str(path))
    assert " does not fit toy: " in str(refused.value)


def _headless(tensors):
    return {key: tensor for key, tensor in tensors.items() if not key.startswith("fc.")}


def test_a_headless_file_needs_the_number_of_classes(toy, rng, initial, tmp_path):
    tensors = _headless(toy.tensors(rng))
    save_file(tensors, tmp_path / "body.safetensors")
    start = initial(tmp_path / "body.safetensors")
    assert start.classes is None
    model = toy.model()
    before = model.get_weights()
    with pytest.raises(UserError, match="body.safetensors, which has none. Say how many classes"):
        start.load(model, classes_asked=False)
    assert all(map(np.array_equal, before, model.get_weights()))
    with pytest.warns(FreshHeadWarning, match="has 5 classes, there is none in the checkpoint"):
        start.load(model)
    assert _is_loaded(model, tensors)
    backbone = toy.model(include_top=False)
    start.load(backbone, classes_asked=False)
    assert _is_loaded(backbone, tensors)


def test_half_a_head_is_no_head(toy, rng, load, tmp_path):
    tensors = toy.tensors(rng)
    del tensors["fc.weight"]
    save_file(tensors, tmp_path / "half.safetensors")
    with pytest.raises(UserError, match="1 missing.*\n.*\n.*predictions/kernel ← fc.weight"):
        load(toy.model(), tmp_path / "half.safetensors")


@pytest.mark.parametrize("key", ["fc.weight", "fc.bias"])
def test_a_head_that_disagrees_with_itself_is_none(toy, rng, load, tmp_path, key):
    tensors = toy.tensors(rng)
    tensors[key] = tensors[key][:3]
    save_file(tensors, tmp_path / "odd.safetensors")
    for classes in (3, 5):
        with pytest.raises(UserError, match="1 of another shape"):
            load(toy.model(classes=classes), tmp_path / "odd.safetensors")


def test_other_channels_than_three_ask_for_such_a_model(toy, rng, load, tmp_path):
    tensors = toy.tensors(rng) | {"conv1.weight": np.ones((8, 1, 3, 3), "float32")}
    save_file(tensors, tmp_path / "grey.safetensors")
    with pytest.raises(UserError, match=r"of 1 channels, the model's of 3.*input_shape=\(.*, 1\)"):
        load(toy.model(), tmp_path / "grey.safetensors")
    model = toy.model(channels=1)
    load(model, tmp_path / "grey.safetensors")
    assert _is_loaded(model, tensors)


def _changed(key, change):
    def run(tensors):
        return tensors | {key: change(tensors[key])}

    return run


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_changed("conv1.weight", lambda t: t.astype("int32")), r"1 not floating-p.*\(int32\)"),
        (_changed("conv1.weight", lambda t: t > 0), r"1 not floating-point.*\(bool\)"),
        (
            _changed("bn1.bias", lambda t: t.astype("complex64")),
            r"1 not floating-point.*\(complex64\)",
        ),
        (_changed("bn1.bias", lambda t: t.astype("uint8")), r"1 not floating-point.*\(uint8\)"),
        (_changed("bn1.running_var", lambda t: -t), "1 negative variances.*moving_variance"),
        (_changed("fc.bias", lambda t: t * np.inf), "1 not finite.*predictions/bias"),
        (
            _changed("fc.bias", lambda t: t.astype("float64") * 1e300),
            "1 not finite.*predictions/bias",
        ),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_numbers_that_no_network_works_with(toy, rng, load, tmp_path, spoil, problem, suffix):
    path = tmp_path / f"odd{suffix}"
    write = save_file if suffix == ".safetensors" else torch_files.save
    write(spoil(toy.tensors(rng)), path)
    model = toy.model()
    before = model.get_weights()
    with pytest.raises(UserError, match=f"(?s)odd.* does not fit toy: {problem}"):
        load(model, path)
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_the_rates_of_drop_block_are_not_a_files_to_set(tmp_path, suffix):
    """A network in training has them, and what is trained on from it may have others, or none."""
    small: Any = {"input_shape": (32, 32, 3), "classes": 3, "depths": (1, 1, 1), "planes": 8}
    path = tmp_path / f"trained{suffix}"
    trained = keras_resnets.ResNeXt(weights=None, drop_block_rate=0.1, **small)
    (trained.save if suffix == ".keras" else trained.save_weights)(path)
    for rate in (0.0, 0.2):
        again = keras_resnets.ResNeXt(weights=str(path), drop_block_rate=rate, **small)
        kernel = again.get_layer("predictions").kernel
        np.testing.assert_array_equal(kernel, trained.get_layer("predictions").kernel)
