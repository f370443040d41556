"""The argument `weights` of the public constructors, whole checkpoints through a local hub."""

import functools
import warnings
from pathlib import Path

import hubs
import numpy as np
import pytest
import torch_files
from hubs import drawn
from safetensors.numpy import save_file

import keras_resnets
from keras_resnets.card import AssumptionWarning
from keras_resnets.errors import UserError
from keras_resnets.weights import (
    DownloadError,
    FreshHeadWarning,
    LicenceWarning,
    adapt_channels,
    find_checkpoint,
    to_keras_layout,
)

REFERENCES = Path(__file__).parents[1] / "references" / "data"
SMALL = (64, 64, 3)
CLASSIFIER = ("predictions/kernel", "predictions/bias")


@pytest.fixture
def publish(hub):
    """Puts a drawn checkpoint on the hub, and returns its tensors."""
    return functools.partial(hubs.publish, hub)


def unlike(model, variant, tensors):
    """Paths of the variables that do not hold their tensor."""
    key_of = keras_resnets.model_info(variant).source_key
    return {
        v.path
        for v in model.weights
        if not np.array_equal(v, to_keras_layout(tensors[key_of(v.path)], v.shape))
    }


@pytest.mark.parametrize("weights", [(), ("imagenet",), ("gluon_in1k",)])
def test_imagenet_is_the_default_and_a_tag_names_one(publish, weights):
    tensors = publish("ResNeSt14", "gluon_in1k")
    model = keras_resnets.ResNeSt14(True, *weights)
    assert (model.input_shape, model.output_shape) == ((None, 224, 224, 3), (None, 1000))
    assert unlike(model, "ResNeSt14", tensors) == set()


def test_a_checkpoint_of_12k_classes_has_its_own_head_and_size(publish):
    tensors = publish("ReXNetR200", "sw_in12k")
    model = keras_resnets.ReXNetR200(weights="sw_in12k")
    size = find_checkpoint("ReXNetR200", "sw_in12k").preprocessing.size
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 11821)
    assert unlike(model, "ReXNetR200", tensors) == set()


def test_other_classes_get_a_fresh_head_and_all_else(publish):
    tensors = publish("ReXNet100", "nav_in1k")
    with pytest.warns(
        FreshHeadWarning, match="ReXNet100 has 3 classes, the checkpoint's 1000"
    ) as warned:
        model = keras_resnets.ReXNet100(input_shape=SMALL, classes=3)
    assert warned[0].filename == __file__  # the user's line, not the library's
    assert model.output_shape == (None, 3)
    kernel = {"predictions/kernel": model.get_layer("predictions").kernel}
    bias = {"predictions/bias": model.get_layer("predictions").bias}
    assert unlike(model, "ReXNet100", tensors) == kernel.keys() | bias.keys()
    # Keras' random start, of standard deviation 0.01, and no bias.
    assert 0.009 < np.std(kernel["predictions/kernel"]) < 0.011
    assert not np.any(bias["predictions/bias"])


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize(
    ("variant", "tag", "first"),
    [
        ("ResNeSt14", "gluon_in1k", "stem/conv1/conv/kernel"),
        ("ReXNet100", "nav_in1k", "stem/conv/kernel"),
    ],
)
def test_other_channels_adapt_the_first_convolution(publish, variant, tag, first, channels):
    tensors = publish(variant, tag)
    constructor = getattr(keras_resnets, variant)
    model = constructor(input_shape=(64, 64, channels), include_top=False)
    (kernel,) = (np.asarray(v) for v in model.weights if v.path == first)
    key = keras_resnets.model_info(variant).source_key(first)
    rgb = tensors[key].transpose(2, 3, 1, 0)
    if channels == 1:
        expected = rgb.sum(axis=2, keepdims=True)
    else:  # red, green, blue, red
        expected = rgb[:, :, [0, 1, 2, 0]] * 3 / 4
    np.testing.assert_allclose(kernel, expected, rtol=1e-6, atol=1e-7)
    adapted = tensors | {key: adapt_channels(tensors[key], channels)}
    assert unlike(model, variant, adapted) == set()


@pytest.mark.parametrize(
    ("variant", "architecture"),
    [
        ("ResNeXt50", "resnext50_32x4d"),
        ("ResNeSt14", "resnest14d"),
        ("Res2Net50_48w_2s", "res2net50_48w_2s"),
        ("ReXNet100", "rexnet_100"),
        ("ReXNetLite100", "rexnet_lite_100"),
    ],
)
def test_without_the_top_a_file_fills_the_rest(variant, architecture, tmp_path):
    tensors = drawn(architecture)
    save_file(tensors, tmp_path / "checkpoint.safetensors")
    model = keras_resnets.create_model(
        variant, include_top=False, weights=str(tmp_path / "checkpoint.safetensors"), pooling="avg"
    )
    assert model.input_shape == (None, None, None, 3)
    assert not any(v.path.startswith(("predictions", "hidden")) for v in model.weights)
    assert unlike(model, variant, tensors) == set()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_file_keeps_its_own_classes(tmp_path, suffix):
    tensors = drawn("rexnet_100", classes=10)
    path = tmp_path / f"ten søt{suffix}"
    if suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch_files.save({"state_dict": {f"module.{k}": v for k, v in tensors.items()}}, path)
    model = keras_resnets.ReXNet100(weights=str(path), input_shape=SMALL)
    assert model.output_shape == (None, 10)
    assert unlike(model, "ReXNet100", tensors) == set()


def test_a_file_may_name_its_classes(tmp_path):
    path, names = tmp_path / "trois.PT", ["chat", "chien", "søt hest"]
    torch_files.save({"model": drawn("rexnet_100", classes=3), "classes": names}, path)
    with pytest.warns(AssumptionWarning, match="trois.PT does not tell how it was trained"):
        model, card = keras_resnets.open_model("ReXNet100", weights=path)
    assert card.class_names == tuple(names)
    assert model.output_shape == (None, 3)


def test_a_headless_file_needs_the_number_of_classes(tmp_path):
    tensors = {k: v for k, v in drawn("rexnet_100").items() if not k.startswith("head.fc.")}
    save_file(tensors, tmp_path / "body.safetensors")
    build = functools.partial(
        keras_resnets.ReXNet100, weights=str(tmp_path / "body.safetensors"), input_shape=SMALL
    )
    with pytest.raises(UserError, match="body.safetensors, which has none. Say how many classes"):
        build()
    with pytest.warns(FreshHeadWarning, match="has 7 classes, there is none in the checkpoint"):
        model = build(classes=7)
    assert model.output_shape == (None, 7)


def test_rexnet_lites_hidden_layer_is_loaded_with_the_top(tmp_path):
    tensors = drawn("rexnet_lite_100")
    save_file(tensors, tmp_path / "checkpoint.safetensors")
    with pytest.warns(FreshHeadWarning, match="has 7 classes, the checkpoint's 1000"):
        model = keras_resnets.ReXNetLite100(
            weights=str(tmp_path / "checkpoint.safetensors"), classes=7, input_shape=SMALL
        )
    assert any(v.path.startswith("hidden") for v in model.weights)
    assert unlike(model, "ReXNetLite100", tensors) == set(CLASSIFIER)


def test_res2nets_default_warns_once_of_its_licence(publish):
    publish("Res2Net50_48w_2s", "in1k")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LicenceWarning)
        keras_resnets.Res2Net50_48w_2s(include_top=False)
    (warning,) = (w for w in caught if issubclass(w.category, LicenceWarning))
    assert "licence of res2net50_48w_2s.in1k is 'cc-by-nc-sa-4.0'" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("weights", ["imagenet", "nav_in1k"])
def test_without_a_checkpoint_the_nearest_variants_are_named(weights):
    with pytest.raises(ValueError, match="ReXNetR100.*nearest variants.*ReXNetR200.*weights=None"):
        keras_resnets.ReXNetR100(weights=weights)


def test_an_unknown_tag_names_the_near_miss():
    with pytest.raises(ValueError, match="Unknown weights='gluon' of ResNeSt14.*'gluon_in1k'"):
        keras_resnets.ResNeSt14(weights="gluon")


@pytest.mark.parametrize("fault", ["404", "500", "dies", "corrupt"])
def test_a_failed_download_returns_no_model_and_may_be_repeated(publish, hub, fault):
    tensors = publish("ReXNet100", "nav_in1k")
    hub.fault = fault
    with pytest.raises(DownloadError, match="timm/rexnet_100.nav_in1k"):
        keras_resnets.ReXNet100(input_shape=SMALL)
    hub.fault = None
    model = keras_resnets.ReXNet100(input_shape=SMALL)
    assert unlike(model, "ReXNet100", tensors) == set()


def _without_one(tensors):
    del tensors["features.3.conv_dw.conv.weight"]


def _with_one_more(tensors):
    tensors["features.99.weight"] = np.ones(3, "float32")


def _with_a_nan(tensors):
    tensors["stem.bn.bias"][0] = np.nan


def _of_another_width(tensors):
    tensors["stem.bn.bias"] = np.ones(5, "float32")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_one, r"1 missing.*stage3_block1/depthwise/conv/kernel ← features\.3\.conv_dw"),
        (_with_one_more, r"1 unused.*features\.99\.weight \(3,\)"),
        (_with_a_nan, r"1 not finite.*stem/norm/beta"),
        (_of_another_width, r"1 of another shape.*stem/norm/beta \(32,\) ← stem\.bn\.bias \(5,\)"),
    ],
)
def test_a_checkpoint_that_does_not_fit_returns_no_model(spoil, message, tmp_path):
    tensors = drawn("rexnet_100")
    spoil(tensors)
    save_file(tensors, tmp_path / "checkpoint.safetensors")
    with pytest.raises(ValueError, match=f"(?s)does not fit ReXNet100: {message}") as error:
        keras_resnets.ReXNet100(weights=str(tmp_path / "checkpoint.safetensors"), input_shape=SMALL)
    assert "Nothing was loaded" in str(error.value)
