"""Weights in HDF5, the form of `.weights.h5` and of the inside of a `.keras`."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_resnets._common.tables import size
from keras_resnets.errors import UserError
from keras_resnets.weights.values import from_bfloat16

_DEEPEST = 32  # groups within groups; Keras nests eight
_OBJECTS = 100_000


def check_hdf5(file: Any, path: Path) -> dict[str, Any]:
    """Walks over an open file and refuses what Keras does not write.

    Keras writes plain data sets, each under one name. Whatever else HDF5 can do is refused: links to
    other places or files, one object under two names (and so every circle), data outside the file,
    compressed or never written, and more data than the file has bytes.

    Args:
        file: An open `h5py.File`.
        path: What messages call it.

    Returns:
        The `h5py.Dataset`s by name, such as `"/layers/stem/conv/vars/0"`.

    Raises:
        UserError: where something is refused.
    """
    import h5py

    whole = left = file.id.get_filesize()
    seen = {_identity(file)}
    checked: dict[str, Any] = {}
    groups = [("", file)]
    while groups:
        place, group = groups.pop()
        if place.count("/") > _DEEPEST:
            raise _refused(path, f"its groups lie more than {_DEEPEST} deep")
        for name in group:
            child = f"{place}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise _refused(path, f"{child} is a link to another place or file")
            found = group[name]
            if _identity(found) in seen:
                raise _refused(path, f"{child} is an object that has another name too")
            seen.add(_identity(found))
            if len(seen) > _OBJECTS:
                raise _refused(path, f"it holds more than {_OBJECTS:,} objects")
            if isinstance(found, h5py.Group):
                groups.append((child, found))
                continue
            if not isinstance(found, h5py.Dataset):
                raise _refused(path, f"{child} is neither a group nor a data set")
            _check_storage(path, child, found)
            left -= found.nbytes
            if left < 0:
                raise _refused(path, f"it declares more data than its {size(whole)} hold")
            checked[child] = found
    return checked


def read_hdf5(source: Path | io.BytesIO, path: Path) -> dict[str, Any]:
    """Reads the variables of the layers in a file that Keras wrote, once it is checked.

    Args:
        source: A file, or its content.
        path: What messages call it.

    Returns:
        Arrays by the names of their layers and their position among the variables of theirs, such as
        `"stem/conv/0"`.
    """
    import h5py

    with h5py.File(source, "r") as file:
        check_hdf5(file, path)
        return dict(_layer(file["layers"], ""))


def _layer(group: Any, above: str) -> Iterator[tuple[str, Any]]:
    # A group is called after a class or an attribute; the layer's name is written on its variables.
    own = group.get("vars")
    if own is not None:
        above = f"{above}{own.attrs['name']}/"
        for position, values in own.items():
            yield f"{above}{position}", _array(values)
    for name, child in group.items():
        if name != "vars":
            yield from _layer(child, above)


def _array(values: Any) -> Any:
    # HDF5 has no bfloat16: Keras writes opaque pairs of bytes and says so.
    if values.attrs.get("dtype") == "bfloat16":
        return from_bfloat16(values[()].view("<u2"))
    return values[()]


def _identity(found: Any) -> tuple[int, int]:
    import h5py

    info = h5py.h5o.get_info(found.id)
    return info.fileno, info.addr


def _check_storage(path: Path, name: str, dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise _refused(path, f"the data of {name} lie in another file")
    if dataset.id.get_create_plist().get_nfilters():
        raise _refused(
            path,
            f"{name} is compressed, which Keras' files are not",
            "Unpack it with h5repack -f NONE, or save it again.",
        )
    if dataset.shape is None or dataset.dtype.kind in "OSU":
        raise _refused(path, f"{name} holds no numbers")
    if dataset.nbytes > dataset.id.get_storage_size():
        raise _refused(
            path,
            f"{name} declares {size(dataset.nbytes)} of data and holds "
            f"{size(dataset.id.get_storage_size())}",
        )


def _refused(path: Path, reason: str, way_out: str = "Download or save it again.") -> UserError:
    return UserError(f"{path} was refused: {reason}. {way_out}")
