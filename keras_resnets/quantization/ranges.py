"""The range that represents values in 8 bits with least error, of theirs or of what becomes of them.

Far from 0 a sigmoid hardly changes, and a swish is 0 below: what is rounded there, or clipped, does not
tell. So the range of what goes into one is better chosen for the error of what comes out of it.
"""

from collections.abc import Callable

import numpy as np

Response = Callable[[np.ndarray], np.ndarray]
LEVELS = 255  # steps from the lowest to the highest value of 8 bits
BINS = 4096  # into which values are counted, to try ranges on: 16 a step
NARROWEST = 0.3  # of what was seen at each end
TRIED = 36  # ranges for each end
FURTHEST = 80.0  # of a sigmoid's input: beyond, it is 0 or 1 in float32


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -FURTHEST, FURTHEST))))


def swish(values: np.ndarray) -> np.ndarray:
    """x sigmoid(x) (Ramachandran, Zoph & Le, 2017, equation 1, with beta = 1)."""
    return np.asarray(values * sigmoid(values))


def least_error(
    values: np.ndarray, lowest: float, highest: float, response: Response = np.asarray
) -> tuple[float, float]:
    """The range that 8 bits represent values in with least squared error.

    A wide range rounds coarsely, a narrow one clips: the squared error weighs both.

    Args:
        values: A sample of the values.
        lowest, highest: The extremes of all values; the range has 30 % of each at least.
        response: What becomes of a value, whose error counts; itself by default.

    Returns:
        The ends of the range.

    Example:
        >>> values = np.append(np.linspace(-1, 1, 100_000), 10)  # one that is far off
        >>> low, high = least_error(values, -1, 10)
        >>> low, round(high, 9)
        (-1.0, 3.0)
    """
    # In float32 neighbouring values lie too close to be told apart in so many bins.
    counts, edges = np.histogram(values.astype("float64"), BINS)
    found = np.flatnonzero(counts)
    middles, weights = (edges[:-1] + edges[1:])[found] / 2, counts[found] / len(values)
    exact = response(middles)

    def error(low: float, high: float) -> float:
        return float(weights @ np.square(response(_rounded(middles, low, high)) - exact))

    shares = np.linspace(NARROWEST, 1, TRIED)
    high = min((share * highest for share in shares), key=lambda high: error(lowest, high))
    low = min((share * lowest for share in shares), key=lambda low: error(low, high))
    return float(low), float(high)


def _rounded(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """What 8 bits make of values in a range that holds 0."""
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / LEVELS or 1.0
    zero = np.rint(-low / scale)
    steps = (np.rint(values / scale) + zero).clip(0, LEVELS)
    return np.asarray((steps - zero) * scale)
