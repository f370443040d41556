import importlib.util
import pickle
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from keras_resnets.weights import read_tensors

# Keras 3.15's variables lack the `copy` argument that NumPy asks for when a model is saved.

HAS_TORCH = importlib.util.find_spec("torch") is not None


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


@pytest.mark.parametrize("suffix", [".safetensors", ".weights.h5", ".keras"])
def test_foreign_content(tmp_path, suffix):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(b"\x89PNG\r\n" + bytes(500))
    with pytest.raises(ValueError, match=r"photo\S+ is not a whole"):
        read_tensors(path)


def test_unknown_suffix_and_missing_file(tmp_path):
    with pytest.raises(ValueError, match="ending in .safetensors, .weights.h5, .keras, .pth"):
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


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed, so nothing is missing")
def test_a_pth_without_torch_names_the_extra(tmp_path):
    (tmp_path / "toy.pth").write_bytes(b"PK")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'keras-resnets\[torch\]'"):
        read_tensors(tmp_path / "toy.pth")


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.skipif(not HAS_TORCH, reason="needs torch, which the library does not")
def test_code_in_a_pth_is_refused_and_not_executed(tmp_path):
    import torch

    executed = tmp_path / "executed"
    torch.save({"fc.bias": torch.zeros(3), "code": Payload(executed)}, tmp_path / "new.pth")
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Payload(executed), protocol=2))
    for name in ("new.pth", "old.pth"):
        with pytest.raises(ValueError, match="It was refused and nothing in it was executed"):
            read_tensors(tmp_path / name)
    assert not executed.exists()


@pytest.mark.skipif(not HAS_TORCH, reason="needs torch, which the library does not")
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"epoch": 3, "state_dict": s}])
def test_a_pth_comes_back(tmp_path, wrap):
    import torch

    state = {"fc.bias": torch.arange(3).to(torch.bfloat16), "n": torch.tensor(7)}
    torch.save(wrap(state), tmp_path / "toy.pth")
    tensors = read_tensors(tmp_path / "toy.pth")
    np.testing.assert_array_equal(tensors["fc.bias"], np.array([0, 1, 2], "float32"))
    assert tensors["fc.bias"].dtype == np.float32
    assert tensors["n"] == 7


@pytest.mark.skipif(not HAS_TORCH, reason="needs torch, which the library does not")
def test_broken_and_foreign_pth(tmp_path):
    import torch

    path = tmp_path / "toy.pth"
    torch.save({"fc.bias": torch.zeros(3000)}, path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="toy.pth is not a whole PyTorch file"):
        read_tensors(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds no state_dict"):
        read_tensors(path)
