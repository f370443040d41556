import keras
import numpy as np
import pytest
from safetensors.numpy import save, save_file

from keras_resnets.preprocessing import Preprocessing
from keras_resnets.weights import (
    Checkpoint,
    DownloadError,
    FreshHeadWarning,
    HubSource,
    LicenceWarning,
    PublishedResult,
    adapt_channels,
    load_checkpoint,
    registered_checkpoint,
    registry,
)

# Keras 3.15's variables lack the `copy` argument that NumPy asks for when a model is saved.


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


@pytest.fixture(params=[".safetensors", ".weights.h5", ".keras"])
def path(request, toy, load, rng, tmp_path):
    """A file of the same toy weights in each format."""
    save_file(toy.tensors(rng), tmp_path / "toy.safetensors")
    model = toy.model()
    load(model, tmp_path / "toy.safetensors")
    model.save_weights(tmp_path / "toy.weights.h5")
    model.save(tmp_path / "toy.keras")
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
