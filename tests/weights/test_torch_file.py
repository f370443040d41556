"""PyTorch's checkpoints: read without PyTorch, wrapped as people wrap them, and never executed."""

import importlib.util
import pickle
import zipfile

import numpy as np
import pytest
import torch_files
from torch_files import Call, Global, View

from keras_resnets.errors import UserError
from keras_resnets.weights import read_tensor_file, read_tensors

HAS_TORCH = importlib.util.find_spec("torch") is not None

needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="needs torch, which the library does not")
streams = pytest.mark.parametrize("stream", [False, True], ids=["zip", "stream"])


@pytest.fixture
def state(rng):
    return {
        "conv.weight": rng.normal(size=(4, 3, 2, 2)).astype("float32"),
        "conv.turned": rng.normal(size=(4, 3)).astype("float32").T,
        "bn.bias": rng.normal(size=4),
        "bn.half": rng.normal(size=2).astype("float16"),
        "bn.num_batches_tracked": np.array(7),
        "scalar": np.array(1.5, "float32"),
        "empty": np.zeros((0, 3), "float32"),
    }


def assert_read(path, state):
    tensors = read_tensors(path)
    assert list(tensors) == list(state)
    for key, tensor in state.items():
        dtype = "float32" if tensor.dtype.kind == "f" else tensor.dtype
        np.testing.assert_array_equal(tensors[key], tensor.astype(dtype), strict=True)


@streams
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pth.tar", ".bin", ".ckpt", ".PTH", ".Pth.Tar"])
def test_every_suffix_in_any_case(tmp_path, state, stream, suffix):
    assert_read(torch_files.save(state, tmp_path / f"søt{suffix}", stream=stream), state)


@streams
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: {"epoch": 3, "state_dict": s},
        lambda s: {"epoch": 3, "model": s, "optimizer": {"state": [1, 2.5, None, True]}},
        lambda s: {"model_state_dict": s},
        lambda s: {"net": s, "acc": 0.5},
        lambda s: {"checkpoint": 1, "model": {"state_dict": s}},
        lambda s: {"state_dict": {"other": np.ones(1)}, "state_dict_ema": s},
        lambda s: {"model": {"other": np.ones(1)}, "model_ema": s},
        lambda s: {"state_dict": s, "state_dict_ema": None},
        lambda s: {
            "arch": "resnest14d",
            "args": Call("argparse.Namespace", state={"lr": 0.1, "mean": (0.5,), "crop": None}),
            "metric": Call("numpy._core.multiarray.scalar", Global("numpy.dtype"), b"12345678"),
            "when": Call("datetime.datetime", b"1234567890"),
            "path": Call("pathlib.PosixPath", "a", "b"),
            "state_dict": s,
        },
    ],
)
def test_as_training_scripts_wrap_them(tmp_path, state, stream, wrapped):
    assert_read(torch_files.save(wrapped(state), tmp_path / "last.pth.tar", stream=stream), state)


def test_names_of_classes_beside_the_tensors(tmp_path, state):
    content = {"model": state, "class_to_idx": {"dog": 1, "cat": 0}}
    torch_files.save(content, tmp_path / "named.pt")
    assert read_tensor_file(tmp_path / "named.pt").class_names == ("cat", "dog")


@streams
@pytest.mark.parametrize(
    "name",
    ["posix.system", "builtins.eval", "builtins.getattr", "subprocess.Popen", "runpy.run_path"],
)
@pytest.mark.parametrize("inside", [lambda code: code, lambda code: {"a": np.ones(2), "b": code}])
def test_what_names_code_is_refused(tmp_path, stream, name, inside):
    executed = tmp_path / "executed"
    code = Call(name, f"open({str(executed)!r}, 'w')")
    torch_files.save(inside(code), tmp_path / "bad.pth", stream=stream)
    with pytest.raises(UserError, match=f"bad.pth holds more .* names '{name}'.*nothing in it was"):
        read_tensors(tmp_path / "bad.pth")
    assert not executed.exists()


def test_code_under_a_known_package_is_not_executed_either(tmp_path):
    executed = tmp_path / "executed"
    code = Call("torch.serialization.os.system", f"touch {executed}")
    path = torch_files.save({"a": np.ones(2), "code": code}, tmp_path / "bad.pth")
    assert list(read_tensors(path)) == ["a"]
    assert not executed.exists()


@streams
@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([1, 2], "a list"),
        ({}, "empty"),
        ({"lr": 0.1}, r"a mapping with the keys \['lr'\]"),
        ({"model": {"x": {}}}, r"its 'model' is a mapping with the keys \['x'\]"),
        ({"netG": {"a": np.ones(1)}, "netD": {}}, r"the keys \['netG', 'netD'\]"),
        (
            Call("torch.nn.modules.linear.Linear"),
            "a whole object of torch.nn.modules.linear.Linear",
        ),
    ],
)
def test_what_holds_no_state_dict(tmp_path, stream, content, found):
    path = torch_files.save(content, tmp_path / "odd.pth", stream=stream)
    with pytest.raises(
        UserError, match=rf"Received: \S+odd.pth, where .*{found}.*Save model.state_d"
    ):
        read_tensors(path)


def test_a_mapping_within_itself_ends(tmp_path):
    with zipfile.ZipFile(tmp_path / "loop.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\0X\5\0\0\0modelh\0s.")
    with pytest.raises(UserError, match="loop.pth, where its 'model' is a mapping"):
        read_tensors(tmp_path / "loop.pth")


@streams
@pytest.mark.parametrize(
    "view",
    [
        View(np.ones(1, "float32"), (10**6, 10**7), (0, 0)),
        View(np.ones(4, "float32"), (4,), (2,)),
        View(np.ones(4, "float32"), (4,), (1,), offset=1),
        View(np.ones(4, "float32"), (2,), (1,), offset=10**15),
    ],
    ids=["expanded", "strides", "offset", "far"],
)
def test_a_tensor_beyond_its_numbers(tmp_path, stream, view):
    path = torch_files.save({"a": view}, tmp_path / "far.pth", stream=stream)
    with pytest.raises(UserError, match="far.pth was refused: a tensor of shape .* reaches beyond"):
        read_tensors(path)


@pytest.mark.parametrize("change", [lambda c: c[4:], lambda c: c + b"more"])
def test_a_storage_of_another_length(tmp_path, change):
    path = torch_files.save({"a": np.ones(4, "float32")}, tmp_path / "odd.pth")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if "/data/" in name else content)
    with pytest.raises(UserError, match=r"storage 0 has (12|20) bytes in place of 16"):
        read_tensors(path)


@streams
@pytest.mark.parametrize(
    "view",
    [
        View(np.ones(4, "float32"), (-2, -2), (1, 1)),
        View(np.ones(4, "float32"), (4,), (-1,), offset=3),
        View(np.ones(4, "float32"), (4, 1), (1,)),
        View(np.ones(4, "float32"), (1,) * 40, (1,) * 40),
        View(np.ones(4, "float32"), ("4",), (1,)),
    ],
)
def test_a_shape_that_is_none(tmp_path, stream, view):
    path = torch_files.save({"a": view}, tmp_path / "odd.pth", stream=stream)
    with pytest.raises(UserError, match="odd.pth is not a whole PyTorch file"):
        read_tensors(path)


def test_many_tensors_over_the_same_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_resnets.weights.torch_file.BEYOND_FILE", 0)
    numbers = np.ones(10_000, "float32")
    view = View(numbers, (10_000,), (1,))
    path = torch_files.save({"a": view}, tmp_path / "one.pth")
    np.testing.assert_array_equal(read_tensors(path)["a"], numbers)
    path = torch_files.save({"a": view, "b": view}, tmp_path / "two.pth")
    with pytest.raises(UserError, match="its tensors declare more numbers than its 40.* kB hold"):
        read_tensors(path)


@streams
@pytest.mark.parametrize("kept", [1, 10, 100, -2000, -1])
def test_cut_files(tmp_path, stream, kept, state):
    path = torch_files.save(state | {"x": np.ones(3000)}, tmp_path / "cut.pth", stream=stream)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"cut.pth is not a whole PyTorch file \(.+\)\. Download"):
        read_tensors(path)


@pytest.mark.parametrize(
    "text",
    [
        b"\x80\x02r\xff\xff\xff\x7f.",  # a memo of 2 billion places
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",  # 9 exabytes
        b"\x80\x02\x82\x01.",  # an extension
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02" + b"0" * 100 + b".",
        b".",
    ],
)
def test_pickles_that_would_take_all_memory(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "odd.pth", "w") as archive:
        archive.writestr("archive/data.pkl", text)
    with pytest.raises(UserError, match="odd.pth"):
        read_tensors(tmp_path / "odd.pth")


def test_an_endless_pickle(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_resnets.weights.torch_pickle._MOST_OPERATIONS", 1000)
    with zipfile.ZipFile(tmp_path / "odd.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * 600 + b"N.")
    with pytest.raises(UserError, match="odd.pth was refused: its pickle has more than 1,000 oper"):
        read_tensors(tmp_path / "odd.pth")


def test_python_reads_what_the_writer_of_these_tests_writes(tmp_path):
    content = {"a": [1, 2.5, (None, True)], "b": {"c": "søt", 3: b"x"}}
    with zipfile.ZipFile(torch_files.save(content, tmp_path / "x.pth")) as archive:
        assert pickle.loads(archive.read("archive/data.pkl")) == content


@needs_torch
@streams
def test_torch_itself_writes_nothing_else(tmp_path, stream):
    import argparse

    import torch

    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "half": torch.tensor([0.1, -3.0], dtype=torch.bfloat16),
        "view": base[1:3, ::2].T,
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "n": torch.tensor(7),
    }
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    args = argparse.Namespace(lr=0.1, device=torch.device("cpu"), dtype=torch.float32)
    content = {
        "epoch": 3,
        "state_dict": network.state_dict(),
        "state_dict_ema": state,
        "optimizer": optimizer.state_dict(),
        "args": args,
        "metric": np.float64(3.2),
    }
    torch.save(content, tmp_path / "t.pth.tar", _use_new_zipfile_serialization=not stream)
    tensors = read_tensors(tmp_path / "t.pth.tar")
    for key, tensor in state.items():
        tensor = tensor.detach()
        expected = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        np.testing.assert_array_equal(tensors[key], expected, strict=True)
