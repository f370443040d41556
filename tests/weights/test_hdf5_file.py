"""HDF5 of strangers: whatever Keras does not write is refused before it is followed or read."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_resnets.errors import UserError
from keras_resnets.weights import hdf5_file, hdf5_inspector, read_tensors


def virtual(place):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    place.create_virtual_dataset("0", layout)


def deep(place):
    place.file.create_group("/layers" + "/x" * 3000)


def twice(place):
    place["0"] = np.ones(4, "f4")
    place["1"] = place["0"]


ODDITIES = {
    "a soft link": (
        lambda v: v.__setitem__("0", h5py.SoftLink("/layers")),
        "0 is a link to another",
    ),
    "a dangling link": (
        lambda v: v.__setitem__("0", h5py.SoftLink("/x")),
        "0 is a link to another",
    ),
    "an external link": (
        lambda v: v.__setitem__("0", h5py.ExternalLink("/etc/passwd", "/")),
        "0 is a link to another place or file",
    ),
    "a circle": (
        lambda v: v.__setitem__("c", v.file["layers"]),
        "c is an object that has another name",
    ),
    "a circle to the root": (lambda v: v.__setitem__("c", v.file["/"]), "c is an object that has"),
    "one data set twice": (twice, "1 is an object that has another name too"),
    "64 TiB": (
        lambda v: v.create_dataset("0", (1 << 44,), "f4"),
        "0 declares 70,368,744,177,664 bytes of data and holds 0",
    ),
    "64 TiB in chunks": (
        lambda v: v.create_dataset("0", (1 << 44,), "f4", chunks=(1024,)),
        "0 declares 70,368,744,177,664 bytes of data and holds 0",
    ),
    "chunks": (
        lambda v: v.create_dataset("0", data=np.zeros(10**3, "f4"), chunks=(10,)),
        "0 lie in chunks.*h5repack",
    ),
    "compression": (
        lambda v: v.create_dataset("0", data=np.zeros(10**6, "f4"), compression="gzip"),
        "0 is compressed.*h5repack",
    ),
    "data elsewhere": (
        lambda v: v.create_dataset("0", (4,), "f4", external=[("/etc/passwd", 0, 16)]),
        "data of .*0 lie in another file",
    ),
    "virtual data": (virtual, "data of .*0 lie in another file"),
    "a text": (lambda v: v.__setitem__("0", "text"), "0 holds no numbers"),
    "lists": (lambda v: v.create_dataset("0", (3,), h5py.vlen_dtype("f4")), "0 holds no numbers"),
    "references": (lambda v: v.create_dataset("0", (3,), h5py.ref_dtype), "0 holds no numbers"),
    "nothing": (lambda v: v.__setitem__("0", h5py.Empty("f4")), "0 holds no numbers"),
    "a type": (lambda v: v.__setitem__("0", np.dtype("f4")), "0 is neither a group nor a data set"),
    "depth": (deep, "its groups lie more than 32 deep"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_keras_does_not_write(tmp_path, oddity):
    make, reason = ODDITIES[oddity]
    path = tmp_path / "odd one.weights.h5"
    with h5py.File(path, "w") as file:
        place = file.create_group("layers/stem/vars")
        place.attrs["name"] = "stem"
        make(place)
    with pytest.raises(UserError, match=f"odd one.weights.h5 was refused: .*{reason}") as refused:
        read_tensors(path)
    assert "\n" not in str(refused.value)


def test_many_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_inspector, "_OBJECTS", 10)
    with h5py.File(tmp_path / "many.weights.h5", "w") as file:
        for index in range(10):
            file.create_group(f"layers/{index}")
    with pytest.raises(hdf5_inspector.Refused, match="it holds more than 10 objects"):
        hdf5_inspector.inspect(str(tmp_path / "many.weights.h5"), None)


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole.weights.h5"
    with h5py.File(path, "w") as file:
        place = file.create_group("layers/stem/vars")
        place.attrs["name"] = "stem"
        place["0"] = np.ones(4, "f4")
    return path


@pytest.mark.parametrize("code", ["while True: pass", "os.kill(os.getpid(), 11)"])
def test_a_library_that_hangs_or_dies_is_left_behind(tmp_path, monkeypatch, whole, code):
    """The inspector is run with a module in h5py's place that does not come back."""
    monkeypatch.setattr(hdf5_file, "_SECONDS", 1.0)
    inspector = tmp_path / "inspector.py"
    source = Path(hdf5_inspector.__file__).read_text("utf-8")
    inspector.write_text(
        source.replace(
            "    import h5py\n\n    source: Any",
            f"    {code}\n    import h5py\n\n    source: Any",
            1,
        )
    )
    with monkeypatch.context() as patched:
        patched.setattr(hdf5_inspector, "__file__", str(inspector))
        hdf5_file._inspector.close()
        with pytest.raises(UserError, match="whole.weights.h5 was refused: reading it crashes the"):
            read_tensors(whole)
    np.testing.assert_array_equal(read_tensors(whole)["stem/0"], np.ones(4))


def test_an_inspector_whose_caller_is_killed_ends_by_itself(tmp_path):
    """Nobody is left to end an endless loop of the C library."""
    module = tmp_path / "h5py.py"
    module.write_text("class File:\n    def __init__(self, *_):\n        while True: pass\n")
    request = {"path": str(module), "member": None, "seconds": 0.1}
    done = subprocess.run(
        [sys.executable, "-P", hdf5_inspector.__file__],
        input=json.dumps(request) + "\n",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.stdout == "ready\n"
    assert done.returncode == -signal.SIGALRM


def test_data_that_lie_over_one_another(tmp_path):
    path = tmp_path / "overlap.weights.h5"
    with h5py.File(path, "w") as file:
        place = file.create_group("layers/stem/vars")
        place.attrs["name"] = "stem"
        for position in range(2):
            place[str(position)] = np.full(5_000, position, "f4")
        first, second = (place[str(p)].id.get_offset() for p in range(2))
    content = path.read_bytes()
    assert content.count(second.to_bytes(8, "little")) == 1
    moved = (second - 4).to_bytes(8, "little")
    assert first < second
    path.write_bytes(content.replace(second.to_bytes(8, "little"), moved))
    with pytest.raises(
        UserError, match="overlap.weights.h5 was refused: two data sets lie over one"
    ):
        read_tensors(path)
