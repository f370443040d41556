import json
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_resnets.errors import UserError
from keras_resnets.weights import read_tensor_file, read_tensors


@pytest.fixture
def saved(rng, toy, tmp_path):
    path = tmp_path / "toy.safetensors"
    save_file(toy.tensors(rng), path)
    return path


def test_safetensors_come_back(rng, toy, saved):
    tensors = read_tensors(saved)
    for key, tensor in toy.tensors(np.random.default_rng(0)).items():
        np.testing.assert_array_equal(tensors[key], tensor)
        assert tensors[key].dtype == tensor.dtype


def test_half_precision_becomes_float32(tmp_path):
    path = tmp_path / "half.safetensors"
    save_file({"a": np.array([0.5, -2], "float16"), "b": np.array([0.1])}, path)
    tensors = read_tensors(path)
    assert {t.dtype for t in tensors.values()} == {np.dtype("float32")}
    np.testing.assert_array_equal(tensors["a"], [0.5, -2])


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_truncated_safetensors(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(ValueError, match="toy.safetensors is not a whole safetensors file"):
        read_tensors(saved)


def test_a_flipped_bit_in_the_header(saved):
    content = bytearray(saved.read_bytes())
    content[content.index(b'"shape":[') + 9] ^= 0x01  # 8 becomes 9
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        read_tensors(saved)


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5", ".keras", ".pth", ".BIN"])
def test_foreign_content(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(b"\x89PNG\r\n" + bytes(500))
    with pytest.raises(ValueError, match=r"photo\S+ is not a whole"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("content", "way_out"),
    [
        (b"", "It is empty: download"),
        (b"<!DOCTYPE html>", "begins as a web page does"),
        (b"version https://git-lfs.github.com/spec/v1\n", "begins as a pointer of Git LFS does"),
        (b"\x89HDF\r\n\x1a\n", "begins as HDF5 does"),
    ],
)
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_what_lies_under_a_name_is_told(tmp_path, suffix, content, way_out):
    path = tmp_path / f"wéights of mine{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=way_out) as refused:
        read_tensors(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def safetensors_of(header, content=b""):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def test_bfloat16_becomes_float32(tmp_path):
    header = {"a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]}}
    (tmp_path / "half.safetensors").write_bytes(safetensors_of(header, b"\x80\x3f\x20\xc0"))
    tensors = read_tensors(tmp_path / "half.safetensors")
    np.testing.assert_array_equal(tensors["a"], np.array([[1.0], [-2.5]], "float32"))


@pytest.mark.parametrize(
    "content",
    [
        safetensors_of({"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
        safetensors_of(
            {"a": {"dtype": "F32", "shape": [1 << 44], "data_offsets": [0, 4]}}, b"1234"
        ),
        safetensors_of({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"12345"),
        safetensors_of({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 1 << 60) + b"{}",
    ],
    ids=["dtype", "64 TiB", "too long", "negative", "nested", "header"],
)
def test_a_header_that_cannot_be_believed(tmp_path, content):
    (tmp_path / "odd.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"odd.safetensors is not a whole safetensors file \("):
        read_tensors(tmp_path / "odd.safetensors")


def test_a_header_that_would_take_long(tmp_path):
    with open(tmp_path / "long.safetensors", "wb") as file:
        file.write(struct.pack("<Q", 1 << 25))
        file.truncate(1 << 26)
    with pytest.raises(UserError, match="long.safetensors was refused: its header has 33.6 MB"):
        read_tensors(tmp_path / "long.safetensors")


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"class_names": '["cat", "søt hest"]'}, ("cat", "søt hest")),
        ({"classes": '{"dog": 1, "cat": 0}'}, ("cat", "dog")),
        ({"id2label": '{"0": "cat", "1": "dog"}'}, ("cat", "dog")),
        ({"id2label": '{"0": "cat", "2": "dog"}'}, None),
        ({"class_names": "cat, dog"}, None),
        ({"class_names": "[1, 2]"}, None),
        ({"format": "pt"}, None),
    ],
)
def test_class_names_in_a_file(tmp_path, metadata, names):
    save_file({"fc.bias": np.zeros(2, "float32")}, tmp_path / "named.safetensors", metadata)
    assert read_tensor_file(tmp_path / "named.safetensors").class_names == names


def test_unknown_suffix_and_missing_file(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"ending in .safetensors, .weights.h5, .keras, .pth, .pt, .pth.tar, .bin, .ckpt",
    ):
        read_tensors(tmp_path / "model.onnx")
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*nowhere.safetensors"):
        read_tensors(tmp_path / "nowhere.safetensors")


@pytest.fixture(params=[".weights.h5", ".keras"])
def keras_file(request, toy, tmp_path):
    path = tmp_path / f"toy{request.param}"
    model = toy.model()
    model.compile("adam", "mse")
    if request.param == ".keras":
        model.save(path)
    else:
        model.save_weights(path)
    return path, model


def test_keras_files_name_layers(keras_file, toy):
    path, model = keras_file
    tensors = read_tensors(path)
    assert set(tensors) == {
        "stem/0",
        *(f"norm/{i}" for i in range(4)),
        "grouped/0",
        "depthwise/0",
        "predictions/0",
        "predictions/1",
    }
    np.testing.assert_array_equal(tensors["norm/3"], model.get_layer("norm").moving_variance)


def test_truncated_keras_files(keras_file):
    path, _ = keras_file
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="is not a whole Keras"):
        read_tensors(path)


def test_an_archive_without_weights(tmp_path):
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match="empty.keras is not a whole Keras file"):
        read_tensors(tmp_path / "empty.keras")
