"""HDF5 of strangers: whatever Keras does not write is refused before it is followed or read."""

import h5py
import numpy as np
import pytest

from keras_resnets.errors import UserError
from keras_resnets.weights import read_tensors


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
        "0 declares 70369 GB of data and holds 0 B",
    ),
    "64 TiB in chunks": (
        lambda v: v.create_dataset("0", (1 << 44,), "f4", chunks=(1024,)),
        "0 declares 70369 GB of data and holds 0 B",
    ),
    "compression": (
        lambda v: v.create_dataset("0", data=np.zeros(10**6, "f4"), compression="gzip"),
        "0 is compressed.*h5repack -f NONE",
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
    monkeypatch.setattr("keras_resnets.weights.hdf5_file._OBJECTS", 10)
    with h5py.File(tmp_path / "many.weights.h5", "w") as file:
        for index in range(10):
            file.create_group(f"layers/{index}")
    with pytest.raises(UserError, match="it holds more than 10 objects"):
        read_tensors(tmp_path / "many.weights.h5")


def test_data_that_overlap(tmp_path):
    path = tmp_path / "overlap.weights.h5"
    with h5py.File(path, "w") as file:
        place = file.create_group("layers/stem/vars")
        place.attrs["name"] = "stem"
        for position in range(4):
            place[str(position)] = np.full(50_000, position, "f4")
        offsets = [place[str(p)].id.get_offset() for p in range(4)]
    content = path.read_bytes()
    for offset in offsets[1:]:
        content = content.replace(offset.to_bytes(8, "little"), offsets[0].to_bytes(8, "little"))
    path.write_bytes(content[: offsets[0] + 200_000])
    with pytest.raises(UserError, match=r"overlap.weights.h5"):
        read_tensors(path)
