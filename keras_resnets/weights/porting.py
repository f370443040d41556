"""Porting as a strict bijection: every variable takes exactly one tensor, or nothing happens."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from keras_resnets.errors import UserError

if TYPE_CHECKING:
    import keras

# PyTorch counts the batches that a batch normalisation has seen; Keras has no use for it.
_COUNTER = ".num_batches_tracked"
# The scheduled rate of a DropBlock is a variable, but no checkpoint has one.
_SCHEDULED = re.compile(r"(^|/)drop_block[^/]*/rate$")
_LISTED = 8

Convert = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


def to_keras_layout(tensor: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Converts a PyTorch tensor for a variable of `shape`; a shape that cannot fit stays as it is.

    Args:
        tensor: OIHW of a convolution (I is what one group sees), OI of a dense layer, or a vector.
        shape: HWIO or HWO1, IO, or a vector's.
    """
    if tensor.ndim == 4 and len(shape) == 4:
        outputs, inputs, height, width = tensor.shape
        depthwise = inputs == 1 and tuple(shape) == (height, width, outputs, 1)
        return tensor.transpose(2, 3, 0, 1) if depthwise else tensor.transpose(2, 3, 1, 0)
    if tensor.ndim == 4 and len(shape) == 2 and tensor.shape[2:] == (1, 1):
        return tensor[:, :, 0, 0].T
    if tensor.ndim == 2 and len(shape) == 4:
        return tensor.T[None, None]
    return tensor.T if tensor.ndim == 2 else tensor


def port(
    model: "keras.Model",
    tensors: Mapping[str, np.ndarray],
    key_of: Callable[[str], str],
    *,
    convert: Convert = to_keras_layout,
    without: Collection[str] = (),
) -> None:
    """Loads the tensors of a checkpoint into a model.

    Args:
        model: all of its weights are assigned, or none.
        tensors: by the checkpoint's keys; `*.num_batches_tracked` is ignored.
        key_of: maps the path of a variable, `"stem/conv/kernel"`, to the key of its tensor.
        convert: makes the array for a variable from its tensor and the variable's shape.
        without: paths of variables that keep their values; their tensors may be there.

    Raises:
        ValueError: unless each variable finds a finite tensor of its shape and no tensor is left
            over. Both sides are listed, and the model is as before.
    """
    held = [v for v in model.weights if v.path not in without and not _SCHEDULED.search(v.path)]
    variables = {v.path: v for v in held}
    keys = {path: key_of(path) for path in variables}
    spare = {key_of(path) for path in without}
    taken = Counter(keys.values())
    found = {path: key for path, key in keys.items() if key in tensors}
    arrays = {path: convert(tensors[key], variables[path].shape) for path, key in found.items()}

    problems = {
        "sharing a path": [p for p, n in Counter(v.path for v in held).items() if n > 1],
        "missing": [f"{path} ← {key}" for path, key in keys.items() if path not in found],
        "unused": [
            f"{key} {tuple(tensors[key].shape)}"
            for key in tensors
            if key not in taken and key not in spare and not key.endswith(_COUNTER)
        ],
        "taken more than once": [f"{key} ({n} times)" for key, n in taken.items() if n > 1],
        "of another shape": [
            f"{path} {tuple(variables[path].shape)} ← {found[path]} "
            f"{tuple(tensors[found[path]].shape)}"
            for path, array in arrays.items()
            if array.shape != tuple(variables[path].shape)
        ],
        "not finite": [
            f"{path} ← {found[path]}" for path, a in arrays.items() if not np.isfinite(a).all()
        ],
    }
    if any(problems.values()):
        counts = ", ".join(f"{len(lines)} {what}" for what, lines in problems.items() if lines)
        raise UserError(
            f"The checkpoint does not fit {model.name}: {counts}. Nothing was loaded.\n"
            + "\n".join(_listing(what, lines) for what, lines in problems.items() if lines)
        )
    for path, array in arrays.items():
        variables[path].assign(array)


def adapt_channels(kernel: np.ndarray, channels: int, *, axis: int = 1) -> np.ndarray:
    """Makes a first convolution of RGB take another number of channels, as timm does.

    One channel gets the sum of the three kernels, so that a grey image acts like its RGB copy. Any
    other number repeats red, green, blue, red, … and scales by `3 / channels`, which keeps the size
    of the activations.

    Args:
        kernel: of a convolution, with 3 channels along `axis`.
        channels: at least 1.
        axis: of the channels: 1 in PyTorch's layout, 2 in Keras'.
    """
    if channels == 1:
        return kernel.sum(axis=axis, keepdims=True)
    repeated = np.take(kernel, np.arange(channels) % 3, axis=axis)
    return repeated * np.float32(3 / channels)


def _listing(what: str, lines: list[str]) -> str:
    more = [f"… and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return "\n".join([f"{what}:", *(f"  {line}" for line in lines[:_LISTED] + more)])
