"""`.keras` files of strangers: one line that names file and reason, in little time and memory."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_resnets.errors import MissingFile, UserError
from keras_resnets.weights import load_keras, read_tensors

CONFIG, WEIGHTS = "config.json", "model.weights.h5"


@pytest.fixture
def saved(toy, tmp_path):
    path = tmp_path / "mine søt.keras"
    toy.model().save(path)
    return path


def rewritten(path, changes, method=zipfile.ZIP_STORED):
    """The archive again, with some members changed by functions of their bytes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, changes.get(name, bytes)(content))
    return path


def with_weights(path, change):
    """The archive again, after `change(file)` of its HDF5 file."""
    h5 = path.with_suffix(".h5")

    def changed(content):
        h5.write_bytes(content)
        with h5py.File(h5, "r+") as file:
            change(file)
        return h5.read_bytes()

    return rewritten(path, {WEIGHTS: changed})


def refusal(path):
    with pytest.raises(UserError) as refused:
        load_keras(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert len(message) < 500
    return message


def test_a_whole_file(saved, toy):
    model = load_keras(saved)
    assert [v.path for v in model.weights] == [v.path for v in toy.model().weights]
    assert not model.compiled


def test_a_deflated_file(saved):
    load_keras(rewritten(saved, {}, zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize("policy", ["bfloat16", "float16", "mixed_bfloat16"])
def test_half_precision(tmp_path, policy):
    images = keras.Input((4,))
    layer = keras.layers.Dense(2, dtype=policy, name="predictions")
    keras.Model(images, layer(images)).save(tmp_path / "half.keras")
    model = load_keras(tmp_path / "half.keras")
    kernel = np.asarray(
        keras.ops.convert_to_numpy(model.get_layer("predictions").kernel), "float32"
    )
    np.testing.assert_array_equal(read_tensors(tmp_path / "half.keras")["predictions/0"], kernel)


def test_random_states_and_counts_are_no_weights(tmp_path):
    layers = [keras.Input((4,)), keras.layers.Normalization(), keras.layers.Dropout(0.5)]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    model.save(tmp_path / "states.keras")
    load_keras(tmp_path / "states.keras")


def test_no_file(tmp_path):
    with pytest.raises(MissingFile, match="no model at .*nowhere.keras"):
        load_keras(tmp_path / "nowhere.keras")


@pytest.mark.parametrize("kept", [0, 3, 200, -1, -2000])
def test_cut_files(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    assert "is not a whole Keras file (" in refusal(saved)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.8])
def test_flipped_bits(saved, place):
    content = bytearray(saved.read_bytes())
    content[int(len(content) * place)] ^= 0x10
    saved.write_bytes(content)
    assert "is not a whole Keras file (" in refusal(saved)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_member(saved, name):
    with zipfile.ZipFile(saved) as archive:
        members = {n: archive.read(n) for n in archive.namelist() if n != name}
    with zipfile.ZipFile(saved, "w") as archive:
        for other, content in members.items():
            archive.writestr(other, content)
    assert name in refusal(saved)


def test_a_bomb(saved, monkeypatch):
    monkeypatch.setattr("keras_resnets.weights.archives.BEYOND_FILE", 1 << 20)
    path = rewritten(saved, {WEIGHTS: lambda _: bytes(1 << 22)}, zipfile.ZIP_DEFLATED)
    assert "kB declares 4.2 MB of content" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unusual_compression(saved, method):
    assert f"compressed by method {method}" in refusal(rewritten(saved, {}, method))


def test_an_encrypted_member(saved):
    content = bytearray(saved.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    saved.write_bytes(content)
    assert "is encrypted" in refusal(saved)


def test_a_long_list_of_members(saved):
    content = bytearray(saved.read_bytes())
    end = content.rindex(b"PK\5\6")
    content[end + 12 : end + 16] = (1 << 24).to_bytes(4, "little")
    saved.write_bytes(content)
    assert "the list of its members has 16.8 MB" in refusal(saved)


def configured(saved, change):
    def changed(content):
        config = json.loads(content)
        change({layer["config"]["name"]: layer for layer in config["config"]["layers"]})
        return json.dumps(config).encode()

    return rewritten(saved, {CONFIG: changed})


def test_a_model_that_its_weights_do_not_fill(saved):
    path = configured(saved, lambda layers: layers["stem"]["config"].update(filters=10**10))
    assert "asks for more variables than its weights, " in refusal(path)


def test_another_shape_than_its_weights(saved):
    path = configured(saved, lambda layers: layers["predictions"]["config"].update(units=6))
    assert "holds a model that Keras cannot build (" in refusal(path)


def test_an_unknown_layer(saved):
    path = configured(saved, lambda layers: layers["stem"].update(class_name="Stem", module="mine"))
    assert "register its layers" in refusal(path)


def test_code_is_not_executed(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    model.save(tmp_path / "code.keras")
    assert "Lambda" in refusal(tmp_path / "code.keras")


@pytest.mark.parametrize(
    "config", [b"[" * 200_000, b"{", b"\xff\xfe", b"1e999", b"null", b'{"a": 1}']
)
def test_a_configuration_that_is_none(saved, config):
    refusal(rewritten(saved, {CONFIG: lambda _: config}))


def test_a_large_configuration(saved, monkeypatch):
    monkeypatch.setattr("keras_resnets.weights.keras_file._LARGEST_CONFIG", 1000)
    assert "its config.json has " in refusal(saved)


@pytest.mark.parametrize(
    ("layer", "position", "value", "reason"),
    [
        ("conv2d", 0, np.nan, "1 of its variables are not finite: stem/kernel"),
        ("batch_normalization", 2, np.inf, "not finite: norm/moving_mean"),
        ("batch_normalization", 3, -1e-3, "are negative variances: norm/moving_variance"),
    ],
)
def test_numbers_that_no_network_works_with(saved, layer, position, value, reason):
    def change(file):
        file[f"layers/{layer}/vars/{position}"][0] = value

    assert reason in refusal(with_weights(saved, change))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "int64"])
def test_integers_in_place_of_weights(saved, dtype):
    def change(file):
        values = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.ones(values.shape, dtype)

    assert "are not floating-point numbers: a variable of shape (4, 5)" in refusal(
        with_weights(saved, change)
    )


def test_variables_are_counted_only_while_a_file_is_loaded(saved):
    original = keras.layers.Layer.add_weight
    load_keras(saved)
    assert keras.layers.Layer.add_weight is original
