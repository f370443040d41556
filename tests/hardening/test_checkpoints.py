"""Checkpoints with damage of every kind: refused in a line, or loaded as they say, never wrong."""

import random
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import torch_files
from hardening.conftest import sizes
from safetensors.numpy import save_file

from keras_resnets.errors import UserError
from keras_resnets.weights import load_checkpoint, load_keras

KEYS = {
    "stem/kernel": "conv1.weight",
    "norm/gamma": "bn1.weight",
    "norm/beta": "bn1.bias",
    "norm/moving_mean": "bn1.running_mean",
    "norm/moving_variance": "bn1.running_var",
    "predictions/kernel": "fc.weight",
    "predictions/bias": "fc.bias",
}


def network():
    images = x = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, use_bias=False, name="stem")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(images, keras.layers.Dense(5, name="predictions")(x), name="net")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A network with its checkpoint in each format, and its numbers by path."""
    folder = tmp_path_factory.mktemp("whole")
    model = network()
    generator = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    values = {v.path: np.array(keras.ops.convert_to_numpy(v)) for v in model.weights}
    tensors = {KEYS[path]: _torch_layout(value) for path, value in values.items()}
    save_file(tensors, folder / "net.safetensors")
    torch_files.save({"epoch": 3, "state_dict": tensors}, folder / "net.pth")
    torch_files.save(tensors, folder / "old.pt", stream=True)
    model.save(folder / "net.keras")
    model.save_weights(folder / "net.weights.h5")
    return folder, values


def _torch_layout(value):
    return np.ascontiguousarray(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T)


def damaged(content, draw):
    """The content with flipped, set, copied, cut or inserted bytes, and how many at most are others."""
    content, changed = bytearray(content), 0
    for _ in range(draw.choice([1, 1, 1, 2, 8])):
        at = draw.randrange(len(content) if draw.random() < 0.5 else min(len(content), 4000))
        length = draw.choice([1, 1, 4, 8, 64])
        changed += length
        match draw.choice(["flip", "flip", "set", "set", "copy", "cut", "insert"]):
            case "flip":
                content[at] ^= 1 << draw.randrange(8)
            case "set":
                content[at : at + length] = draw.choice([b"\0", b"\xff", b"\x01"]) * length
            case "copy":
                start = draw.randrange(len(content))
                content[at : at + length] = content[start : start + length]
            case "cut":
                del content[max(at, 1) :]
            case "insert":
                content[at:at] = draw.randbytes(length)
    return bytes(content), changed


def within(path, draw):
    """An archive whose checksums are right, with damage inside of one member."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice(sorted(members))
    members[name], changed = damaged(members[name], draw)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return changed


def outside(path, draw):
    content, changed = damaged(path.read_bytes(), draw)
    path.write_bytes(content)
    return changed


@sizes(12, 250)
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("net.safetensors", outside),
        ("net.pth", outside),
        ("net.pth", within),
        ("old.pt", outside),
        ("net.keras", outside),
        ("net.keras", within),
        ("net.weights.h5", outside),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_damaged_checkpoints(whole, tally, tmp_path, tries, name, damage):
    folder, values = whole
    counts = tally("checkpoints, damaged")
    for seed in range(tries):
        path = tmp_path / f"{seed}-{name}"
        path.write_bytes((folder / name).read_bytes())
        changed = damage(path, random.Random(f"{name} {damage.__name__} {seed}"))
        counts.attempt(
            f"{name} {damage.__name__} {seed}",
            lambda path=path, n=changed: _is_right(path, values, n),
        )
        path.unlink()


def _is_right(path: Path, values, changed):
    """Whether a file that is accepted holds the numbers that were saved, but for the bytes changed."""
    try:
        model = _loaded(path)
    except UserError as error:
        if str(path) not in str(error):
            return False
        raise UserError(str(error).splitlines()[0]) from error
    found = {v.path: keras.ops.convert_to_numpy(v) for v in model.weights}
    if found.keys() != values.keys():
        return False
    others = sum(np.count_nonzero(found[key] != value) for key, value in values.items())
    return others <= changed


def _loaded(path):
    if path.suffix == ".keras":
        return load_keras(path)
    model = network()
    load_checkpoint(model, "Net", path, key_of=KEYS.__getitem__)
    return model
