"""Porting as a strict bijection: every variable takes exactly one tensor, or nothing happens."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnets.errors import UserError
from keras_resnets.weights.values import unusable

if TYPE_CHECKING:
    import keras

# What PyTorch and its tools count beside the weights: batches that a normalisation has seen, models
# that went into an average, operations and parameters.
_COUNTERS = re.compile(r"(^|\.)(num_batches_tracked|n_averaged|total_ops|total_params)$")
# The scheduled rate of a DropBlock is a variable, but no checkpoint's to set: by its path, or as files
# of Keras number a layer's variables.
_SCHEDULED = re.compile(r"(^|/)drop_block[^/]*/(rate|0)$")
_LISTED = 8

Convert = Callable[[np.ndarray, tuple[int, ...]], np.ndarray]


def to_keras_layout(tensor: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Converts a PyTorch tensor for a variable of `shape`; a shape that cannot fit stays as it is.

    Args:
        tensor: An array, OIHW of a convolution (I is what one group sees), OI of a dense layer, or
            a vector.
        shape: Shape of the variable: HWIO or HWO1, IO, or a vector's.

    Example:
        >>> import numpy as np
        >>> to_keras_layout(np.zeros((16, 8, 3, 3), "float32"), (3, 3, 8, 16)).shape
        (3, 3, 8, 16)
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
    source: str = "The checkpoint",
) -> None:
    """Loads the tensors of a checkpoint into a model.

    Args:
        model: The network; all of its weights are assigned, or none.
        tensors: Tensors by the checkpoint's keys; counters such as `*.num_batches_tracked` are
            ignored.
        key_of: A function from the path of a variable, `"stem/conv/kernel"`, to the key of its
            tensor.
        convert: A function that makes the array for a variable from its tensor and the variable's
            shape.
        without: Paths of variables that keep their values; their tensors may be there.
        source: The checkpoint's name in messages.

    Raises:
        UserError: Unless each variable finds a tensor of its shape, of finite floating-point
            numbers (variances of at least 0), and no tensor is left over. What all keys have in
            common is said first, both sides are listed, and the model is as before.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="fc")])
        >>> def key_of(path):
        ...     return "fc.weight" if path.endswith("kernel") else "fc.bias"
        >>> tensors = {"fc.weight": np.ones((3, 2), "float32"), "fc.bias": np.zeros(3, "float32")}
        >>> port(model, tensors, key_of, source="The example")
        >>> model.predict_on_batch(np.ones((1, 2), "float32")).tolist()
        [[2.0, 2.0, 2.0]]
    """
    held = [v for v in ported(model) if v.path not in without]
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
            if key not in taken
            and key not in spare
            and not is_counter(key)
            and not _SCHEDULED.search(key)
        ],
        "taken more than once": [f"{key} ({n} times)" for key, n in taken.items() if n > 1],
        "of another shape": [
            f"{path} {tuple(variables[path].shape)} ← {found[path]} "
            f"{tuple(tensors[found[path]].shape)}"
            for path, array in arrays.items()
            if array.shape != tuple(variables[path].shape)
        ],
    }
    problems |= unusable((f"{found[path]} → {path}", array) for path, array in arrays.items())
    if any(problems.values()):
        counts = ", ".join(f"{len(lines)} {what}" for what, lines in problems.items() if lines)
        pattern = _pattern(tensors, taken)
        raise UserError(
            f"{source} does not fit {model.name}: {pattern}{counts}. Nothing was loaded.\n"
            + "\n".join(_listing(what, lines) for what, lines in problems.items() if lines)
        )
    for path, array in arrays.items():
        variables[path].assign(array)


def is_counter(key: str) -> bool:
    """Whether a tensor counts something, and is no weight.

    Example:
        >>> is_counter("bn1.num_batches_tracked"), is_counter("bn1.weight")
        (True, False)
    """
    return _COUNTERS.search(key) is not None


def ported(model: "keras.Model") -> list[Any]:
    """The variables of a model that checkpoints have."""
    return [v for v in model.weights if not _SCHEDULED.search(v.path)]


def without_prefix(
    tensors: Mapping[str, np.ndarray], expected: Collection[str]
) -> tuple[dict[str, np.ndarray], str]:
    """Takes off what wrappers put before the keys of the network that they wrap.

    DistributedDataParallel, `torch.compile`, Lightning and home-made classes put `module.`,
    `_orig_mod.`, `model.` or whatever their attribute is called before all keys. Such a first part is
    taken off as long as all keys share it and no expected key begins with it. `torch.compile` of a
    network's parts puts `_orig_mod.` within the keys too.

    Args:
        tensors: Tensors by the keys of a checkpoint.
        expected: The keys of the network.

    Returns:
        The tensors by what is left of their keys, without counters, and what was taken off all of them.

    Example:
        >>> zero = np.zeros(1)
        >>> tensors, prefix = without_prefix({"net.module.a.bias": zero}, ["a.bias"])
        >>> list(tensors), prefix
        (['a.bias'], 'net.module.')
    """
    found = {key: tensor for key, tensor in tensors.items() if not is_counter(key)}
    firsts = set(map(_first, expected))
    prefix = ""
    while len(shared := set(map(_first, found))) == 1 and not shared & firsts:
        (first,) = shared
        if not all(key.startswith(f"{first}.") for key in found):
            break
        prefix += f"{first}."
        found = {key.removeprefix(f"{first}."): tensor for key, tensor in found.items()}
    found = {key.replace("._orig_mod.", "."): tensor for key, tensor in found.items()}
    if found.keys().isdisjoint(expected):  # another network's, and its names say more as they are
        return dict(tensors), ""
    return found, prefix


def _first(key: str) -> str:
    return key.partition(".")[0]


def _pattern(tensors: Mapping[str, np.ndarray], expected: Collection[str]) -> str:
    """What the keys of a checkpoint that does not fit have in common, as the beginning of a sentence."""
    keys = [key for key in tensors if not is_counter(key)]
    if not keys:
        return "it has no tensors. "
    firsts = set(map(_first, expected))
    first, count = Counter(map(_first, keys)).most_common(1)[0]
    if len(keys) > 1 and 2 * count > len(keys) and first not in firsts:
        share = "all" if count == len(keys) else f"{count} of"
        return f"{share} {len(keys)} keys begin with {first + '.'!r}. "
    if not set(keys) & set(expected):
        return f"none of its {len(keys)} keys is the network's. "
    return ""


def adapt_channels(kernel: np.ndarray, channels: int, *, axis: int = 1) -> np.ndarray:
    """Makes a first convolution of RGB take another number of channels, as timm does.

    One channel gets the sum of the three kernels, so that a grey image acts like its RGB copy. Any
    other number repeats red, green, blue, red, … and scales by `3 / channels`, which keeps the size
    of the activations.

    Args:
        kernel: Kernel of a convolution, with 3 channels along `axis`.
        channels: Number of input channels, at least 1.
        axis: Axis of the channels: 1 in PyTorch's layout, 2 in Keras'.

    Example:
        >>> import numpy as np
        >>> adapt_channels(np.ones((16, 3, 7, 7), "float32"), 4).shape
        (16, 4, 7, 7)
    """
    if channels == 1:
        total: np.ndarray = kernel.sum(axis=axis, keepdims=True)
        return total
    repeated = np.take(kernel, np.arange(channels) % 3, axis=axis)
    return repeated * np.float32(3 / channels)


def _listing(what: str, lines: list[str]) -> str:
    more = [f"… and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else []
    return "\n".join([f"{what}:", *(f"  {line}" for line in lines[:_LISTED] + more)])
