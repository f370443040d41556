"""What numbers a network can work with: finite floating-point ones, and variances of at least 0."""

from collections.abc import Iterable

import numpy as np

# Variables that a normalisation takes the square root of.
_VARIANCE = "moving_variance"


def as_float32(tensor: np.ndarray) -> np.ndarray:
    """A floating-point tensor of any precision as float32; any other stays what it is.

    Example:
        >>> as_float32(np.array([0.5], "float16")).dtype
        dtype('float32')
    """
    if tensor.dtype.kind != "f":
        return tensor
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused so
        return tensor.astype(np.float32, copy=False)


def from_bfloat16(halves: np.ndarray) -> np.ndarray:
    """The float32 numbers whose upper halves are given: NumPy has no bfloat16.

    Args:
        halves: Unsigned integers of 16 bits.

    Example:
        >>> from_bfloat16(np.array([0x3F80, 0xC000], "uint16")).tolist()
        [1.0, -2.0]
    """
    return (halves.astype(np.uint32) << 16).view(np.float32)


def unusable(named: Iterable[tuple[str, np.ndarray]]) -> dict[str, list[str]]:
    """The arrays that no variable of a network may hold.

    Args:
        named: Pairs of a variable's path, such as `"stem/norm/moving_variance"`, and its array.

    Returns:
        Paths by what is wrong with their arrays: `"not floating-point"`, `"not finite"`,
        `"negative variances"`. Each list may be empty.

    Example:
        >>> unusable([("norm/moving_variance", np.array([1.0, -0.5]))])["negative variances"]
        ['norm/moving_variance']
    """
    problems: dict[str, list[str]] = {
        "not floating-point": [],
        "not finite": [],
        "negative variances": [],
    }
    for path, array in named:
        if array.dtype.kind != "f":
            problems["not floating-point"].append(f"{path} ({array.dtype})")
        elif not np.isfinite(array).all():
            problems["not finite"].append(path)
        elif path.endswith(_VARIANCE) and (array < 0).any():
            problems["negative variances"].append(path)
    return problems
