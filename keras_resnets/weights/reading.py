"""Reading files of named tensors, whoever made them: nothing in them is executed or believed."""

import json
import math
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.tables import size
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.weights.archives import open_archive
from keras_resnets.weights.hdf5_file import read_hdf5
from keras_resnets.weights.torch_file import open_torch
from keras_resnets.weights.torch_pickle import Inert, Tensor
from keras_resnets.weights.values import as_float32, from_bfloat16

KERAS_FILES = (".weights.h5", ".keras")
TORCH_FILES = (".safetensors", ".pth", ".pt", ".pth.tar", ".bin", ".ckpt")

KERAS_WEIGHTS = "model.weights.h5"  # within a .keras

# Where training scripts put the network's tensors among the epoch, the optimiser and the rest. As in
# timm's `load_state_dict`, the moving average comes first.
_WRAPPERS = (
    "state_dict_ema",
    "model_ema",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
)
_DEEPEST = 4  # wrappers within wrappers
# Under which a file may list the classes.
_CLASS_LISTS = ("class_names", "classes", "labels", "class_to_idx", "id2label", "names")
_LONGEST = 200  # characters of a reason
_LARGEST_HEADER = 1 << 24  # bytes; 1,400 tensors take 140,000
# NumPy's codes for safetensors' names.
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
    "C64": "<c8",
}


@dataclass(frozen=True)
class TensorFile:
    """What a file of weights holds.

    Attributes:
        path: The file's path.
        tensors: The tensors by name, in the layout that they were saved in; floating-point ones in
            float32.
        class_names: Names of the classes in the order of the classifier's outputs, where the file
            tells them.

    Example:
        >>> TensorFile(Path("best.pth"), {"fc.bias": np.zeros(3, "float32")}).is_keras
        False
        >>> TensorFile(Path("best.weights.h5"), {"fc/1": np.zeros(3, "float32")}).is_keras
        True
    """

    path: Path
    tensors: Mapping[str, np.ndarray]
    class_names: tuple[str, ...] | None = None

    @property
    def is_keras(self) -> bool:
        """Whether Keras wrote it: names and layouts are Keras', not PyTorch's."""
        return is_keras_file(self.path)


def is_keras_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is Keras' by its name."""
    return os.fspath(path).lower().endswith(KERAS_FILES)


def weights_suffix(path: str | os.PathLike[str]) -> str:
    """How the name of a file of weights ends, as it is written there; empty for other names.

    Example:
        >>> weights_suffix("best.pth.TAR"), weights_suffix("a1h_in1k")
        ('.pth.TAR', '')
    """
    name = os.fspath(path)
    known = [s for s in KERAS_FILES + TORCH_FILES if name.lower().endswith(s)]
    return name[-len(max(known, key=len)) :] if known else ""


def is_weights_file(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a file of weights, in any case of its letters."""
    return weights_suffix(path) != ""


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads the tensors of a file of weights: see `read_tensor_file`.

    Args:
        path: The file's path.

    Example:
        >>> import tempfile, safetensors.numpy
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "net.safetensors")
        ...     safetensors.numpy.save_file({"fc.bias": np.zeros(3, "float16")}, path)
        ...     tensors = read_tensors(path)
        >>> tensors
        {'fc.bias': array([0., 0., 0.], dtype=float32)}
    """
    return dict(read_tensor_file(path).tensors)


def read_tensor_file(path: str | os.PathLike[str]) -> TensorFile:
    """Reads a file of weights by the end of its name.

    Those are `.safetensors`; PyTorch's `.pth`, `.pt`, `.pth.tar`, `.bin` and `.ckpt`, whose tensors may
    lie wrapped as training scripts wrap them; Keras' `.weights.h5` and `.keras`. Nothing in a file is
    executed, PyTorch is not needed, and memory is bounded by the file's own size. Floating-point tensors
    of any precision become float32.

    Args:
        path: The file's path.

    Returns:
        The tensors by name. Keras' files name no variables, only layers: see `keras_key`.

    Raises:
        MissingFile: Where there is no such file.
        UserError: For a file that is truncated, of another format, or holds what it should not.

    Example:
        >>> import tempfile, safetensors.numpy
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "net.safetensors")
        ...     safetensors.numpy.save_file({"fc.bias": np.zeros(3, "float16")}, path)
        ...     file = read_tensor_file(path)
        >>> file.path.name, file.tensors["fc.bias"].dtype
        ('net.safetensors', dtype('float32'))
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], TensorFile]] = {
        ".safetensors": _read_safetensors,
        ".weights.h5": _read_weights,
        ".keras": _read_archive,
        **dict.fromkeys(TORCH_FILES[1:], _read_torch),
    }
    read = next((r for suffix, r in readers.items() if path.name.lower().endswith(suffix)), None)
    if read is None:
        raise UserError(f"Expected a file ending in {', '.join(readers)}. Received: {path}")
    if not path.is_file():
        raise MissingFile(f"There is no checkpoint at {path}.")
    found = read(path)
    tensors = {key: as_float32(tensor) for key, tensor in found.tensors.items()}
    return TensorFile(path, tensors, found.class_names)


def keras_key(variable_path: str) -> str:
    """What `read_tensors` calls a variable of a Keras file.

    Example:
        >>> keras_key("stem/conv/kernel")
        'stem/conv/0'
    """
    layer, name = variable_path.rsplit("/", 1)
    return f"{layer}/{_POSITIONS[name]}"


# The position of a variable among those of its layer, which is all that Keras' files tell.
_POSITIONS = {
    "kernel": 0,
    "bias": 1,
    "gamma": 0,
    "beta": 1,
    "moving_mean": 2,
    "moving_variance": 3,
}


@contextmanager
def blamed_on(path: Path, verdict: str, way_out: str) -> Iterator[None]:
    """Names the file and the reason, in one line, for whatever a stranger's bytes lead to.

    Args:
        path: The file's name in messages.
        verdict: What is wrong with it, as the rest of a sentence.
        way_out: What to do about it, as a sentence.

    Raises:
        UserError: In place of any exception of the block; one that names the file passes.
    """
    try:
        yield
    except Exception as error:  # no parser promises which of its errors those are
        if isinstance(error, UserError) and str(path) in str(error):
            raise
        raise UserError(f"{path} {verdict} ({reason(error)}). {way_out}") from error


def whole(kind: str, path: Path) -> AbstractContextManager[None]:
    """Says of a file whose parsing fails that it is not whole.

    Args:
        kind: What the file should be, such as `"Keras"`.
        path: The file's name in messages.
    """
    return blamed_on(path, f"is not a whole {kind} file", _looks_like(path, kind))


def reason(error: Exception) -> str:
    """The first line of an error, cut to what a terminal shows, or its kind where it says nothing.

    Example:
        >>> reason(KeyError("layers"))
        "KeyError: 'layers'"
    """
    kind = type(error).__name__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return kind
    text = lines[0].rstrip(" .") if len(lines[0]) <= _LONGEST else f"{lines[0][:_LONGEST]}…"
    return f"{kind}: {text}" if isinstance(error, LookupError) else text


# How files begin: the formats in which they may be meant, and what else turns up under their names.
_BEGINNINGS = {
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"PK\3\4": "a zip archive",
    b"\x80": "a pickle",
    b"<": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS",
}
_OF_KIND = {
    "Keras": {"a zip archive"},
    "Keras weights": {"HDF5"},
    "PyTorch": {"a zip archive", "a pickle"},
    "safetensors": set[str](),
}


def _looks_like(path: Path, kind: str) -> str:
    """What to do about a file that is not whole."""
    with path.open("rb") as file:
        start = file.read(32)
    if not start:
        return "It is empty: download or save it again."
    found = next((name for magic, name in _BEGINNINGS.items() if start.startswith(magic)), None)
    if found is None or found in _OF_KIND[kind]:
        return "Download or save it again."
    return f"It begins as {found} does: see how it was made, and name it so."


def _read_safetensors(path: Path) -> TensorFile:
    import safetensors

    with whole("safetensors", path), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if _LARGEST_HEADER < length < path.stat().st_size:
            raise UserError(
                f"{path} was refused: its header has {size(length)}, for names and shapes of tensors. "
                "Download or save it again."
            )
        # Checks that the header's places cover the file, and each byte once.
        with safetensors.safe_open(path, framework="numpy"):
            header = json.loads(file.read(length))
        # What is read anew takes fresh memory, which costs more than all else that is done here.
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))[8 + length :]
        described = header.pop("__metadata__", {})
        tensors = {key: _safe_tensor(content, **entry) for key, entry in header.items()}
        return TensorFile(path, tensors, class_names(described))


def _safe_tensor(
    content: memoryview, dtype: str, shape: list[int], data_offsets: list[int]
) -> np.ndarray:
    if dtype not in _DTYPES:
        raise ValueError(f"a tensor has the unusual dtype {dtype}")
    start, _ = data_offsets
    numbers = np.frombuffer(content, _DTYPES[dtype], math.prod(shape), start).reshape(shape)
    return from_bfloat16(numbers) if dtype == "BF16" else numbers


def _read_archive(path: Path) -> TensorFile:
    with whole("Keras", path):
        open_archive(path).close()
        return TensorFile(path, read_hdf5(path, KERAS_WEIGHTS))


def _read_weights(path: Path) -> TensorFile:
    with whole("Keras weights", path):
        return TensorFile(path, read_hdf5(path))


def _read_torch(path: Path) -> TensorFile:
    with whole("PyTorch", path), open_torch(path) as file:
        state = _state_dict(path, file.content)
        tensors = {key: file.array(t) for key, t in state.items() if isinstance(t, Tensor)}
        named = class_names(file.content) if isinstance(file.content, dict) else None
        return TensorFile(path, tensors, named)


def _state_dict(path: Path, content: Any) -> dict[Any, Any]:
    """The network's tensors among what a training script saved with them."""
    found, place = content, "it"
    for _ in range(_DEEPEST):
        if not isinstance(found, dict):
            break
        if any(isinstance(value, Tensor) for value in found.values()):
            return found
        wrapper = next((name for name in _WRAPPERS if found.get(name)), None)
        if wrapper is None:
            break
        found, place = found[wrapper], f"its {wrapper!r}"
    raise UserError(
        f"Expected a state_dict, a mapping of names to tensors. Received: {path}, where {place} is "
        f"{_described(found)}. Save model.state_dict() in its place."
    )


def _described(found: Any) -> str:
    if isinstance(found, dict):
        keys = [str(key)[:40] for key in list(found)[:8]]
        return f"a mapping with the keys {keys}" if keys else "empty"
    if isinstance(found, Inert):
        return f"a whole object of {found.name[:80]}"
    return f"a {type(found).__name__}"


def class_names(described: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """The classes that a file lists beside its tensors, as a list, a mapping or JSON of either.

    Args:
        described: The file's words about itself, by name.

    Example:
        >>> class_names({"class_to_idx": {"dog": 1, "cat": 0}})
        ('cat', 'dog')
        >>> class_names({"class_names": '["cat", "dog"]'})
        ('cat', 'dog')
    """
    for key in _CLASS_LISTS:
        names = _names_in(described.get(key))
        if names is not None:
            return names
    return None


def _names_in(listed: Any) -> tuple[str, ...] | None:
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            return None
    if isinstance(listed, Mapping):
        listed = _in_order(listed)
    if not isinstance(listed, list | tuple) or not all(isinstance(n, str) for n in listed):
        return None
    return tuple(listed) or None


def _in_order(numbered: Mapping[Any, Any]) -> list[Any] | None:
    """The names of `{name: index}` or `{index: name}` by their index; `None` unless each has its own."""
    pairs = [(v, k) if isinstance(v, int) else (k, v) for k, v in numbered.items()]
    by_index = {int(k): name for k, name in pairs if str(k).isdecimal()}
    if sorted(by_index) != list(range(len(numbered))):
        return None
    return [by_index[index] for index in range(len(by_index))]
