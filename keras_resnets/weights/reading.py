"""Reading files of named tensors, without torch where the format allows."""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets.errors import UserError

TORCH_FILES = (".safetensors", ".pth")
KERAS_FILES = (".weights.h5", ".keras")

# A saved model keeps the state of its random generators and schedules beside its weights.
_STATE = re.compile(r"(^|/)(seed_generator|drop_block)[^/]*/")
# The position of a variable among those of its layer, which is all that Keras' files tell.
_POSITIONS = {
    "kernel": 0,
    "bias": 1,
    "gamma": 0,
    "beta": 1,
    "moving_mean": 2,
    "moving_variance": 3,
}


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads a file of weights by its suffix: `.safetensors`, `.weights.h5`, `.keras` or `.pth`.

    Nothing in a file is executed: of a `.keras` only the weights are read, and a `.pth`, which
    needs the extra `torch`, is refused if it holds code. Floating-point tensors of any precision
    become float32.

    Returns:
        The tensors by name, in the layout that they were saved in. Keras' files name no variables,
        only layers: see `keras_key`.

    Raises:
        FileNotFoundError: where there is no such file.
        ModuleNotFoundError: for a `.pth` without torch.
        ValueError: for a file that is truncated, of another format or holds more than tensors.
    """
    path = Path(path)
    readers = {
        ".safetensors": _read_safetensors,
        ".weights.h5": _read_h5,
        ".keras": _read_archive,
        ".pth": _read_pth,
    }
    read = next((r for suffix, r in readers.items() if path.name.endswith(suffix)), None)
    if read is None:
        raise UserError(f"Expected a file ending in {', '.join(readers)}. Received: {path}")
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint at {path}.")
    return {key: _as_float32(tensor) for key, tensor in read(path).items()}


def keras_key(variable_path: str) -> str:
    """What `read_tensors` calls a variable of a Keras file: `"stem/conv/kernel"` → `"stem/conv/0"`."""
    layer, name = variable_path.rsplit("/", 1)
    return f"{layer}/{_POSITIONS[name]}"


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    import safetensors.numpy

    try:
        return safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(_broken(path, "safetensors", error)) from error


def _read_archive(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            return _h5_tensors(io.BytesIO(archive.read("model.weights.h5")))
    except (zipfile.BadZipFile, OSError, KeyError) as error:
        raise UserError(_broken(path, "Keras", error)) from error


def _read_h5(path: Path) -> dict[str, np.ndarray]:
    try:
        return _h5_tensors(path)
    except (OSError, KeyError) as error:
        raise UserError(_broken(path, "Keras weights", error)) from error


def _h5_tensors(file: Path | io.BytesIO) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(file, "r") as h5:
        return {
            key: values for key, values in _h5_layer(h5["layers"], "") if not _STATE.search(key)
        }


def _h5_layer(group: Any, prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    own = group.get("vars")
    if own is not None:
        prefix = f"{prefix}{own.attrs['name']}/"
        for position, values in own.items():
            yield f"{prefix}{position}", values[()]
    for name, child in group.items():
        if name != "vars":
            yield from _h5_layer(child, prefix)


def _read_pth(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ImportError as error:
        raise ModuleNotFoundError(
            f"Reading {path.name} needs PyTorch: pip install 'keras-resnets[torch]'. "
            "A .safetensors file needs nothing."
        ) from error
    import pickle

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors, or is no PyTorch file. It was refused and nothing "
            "in it was executed. Save its state_dict() as .safetensors where you trust it."
        ) from error
    except (RuntimeError, EOFError, OSError) as error:
        raise UserError(_broken(path, "PyTorch", error)) from error
    return _as_arrays(path, state)


def _as_arrays(path: Path, state: Any) -> dict[str, np.ndarray]:
    # Training scripts wrap the tensors together with the epoch and the optimiser.
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(
        hasattr(t, "is_floating_point") for t in state.values()
    ):
        raise UserError(f"{path} holds no state_dict, a mapping of names to tensors.")
    return {
        # NumPy has no bfloat16.
        key: (tensor.float() if tensor.is_floating_point() else tensor).numpy()
        for key, tensor in state.items()
    }


def _as_float32(tensor: np.ndarray) -> np.ndarray:
    if not np.issubdtype(tensor.dtype, np.floating):
        return tensor
    return tensor.astype(np.float32, copy=False)


def _broken(path: Path, kind: str, error: Exception) -> str:
    return f"{path} is not a whole {kind} file ({error}). Download or save it again."
