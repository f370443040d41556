"""What activations are like: each is looked at for every calibration image."""

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.errors import UserError

from ..file.runtime import Tracer, on_each, workers
from .network import nodes_of

LOOPS = {"WHILE", "IF"}  # operators that run other graphs
SAMPLES = 2**16  # values of one activation, of all images


@dataclass(frozen=True, eq=False)
class Observations:
    """What was seen of one activation.

    Attributes:
        lows, highs: The extremes of each image.
        values: A sample of all values.
        means: Mean of each channel, over all images and positions.
        peaks: Largest absolute value of each channel.
        found: What was found out from them, by what found it: a search asks again and again.
    """

    lows: np.ndarray
    highs: np.ndarray
    values: np.ndarray
    means: np.ndarray
    peaks: np.ndarray
    found: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)


class _Look(NamedTuple):
    """What one image shows of an activation; see `Observations`."""

    low: float
    high: float
    values: np.ndarray
    means: np.ndarray
    peaks: np.ndarray


def observe(
    model: bytes, images: Sequence[np.ndarray], among: Collection[str] | None = None
) -> dict[str, Observations]:
    """Runs a float model on images and looks at every activation.

    Args:
        model: A float32 `.tflite` file.
        images: Images as the model takes them, `(1, height, width, channels)` each.
        among: Names of the activations to look at; all by default.

    Returns:
        What was seen of each tensor, by its name.

    Raises:
        UserError: For a model with loops, within which nothing is seen.
    """
    loops = [node for node in nodes_of(model) if node.kind in LOOPS]
    if loops:
        layers = dict.fromkeys(node.outputs[0].split("/")[0] for node in loops)
        raise UserError(
            "Expected layers without loops in an integer format: what passes within one is not seen. "
            f"Received: {loops[0].kind} in {', '.join(layers)}. Recurrent layers have none with "
            "unroll=True; formats that need no images are none, float16 and dynamic."
        )
    if among is not None and not among:
        return {}
    samples = -(-SAMPLES // len(images))

    def look(tracer: Tracer, numbered: tuple[int, np.ndarray]) -> dict[str, _Look]:
        number, image = numbered
        random = np.random.default_rng(number)
        seen = tracer(image, among)
        return {name: _look(activation, samples, random) for name, activation in seen}

    looks = on_each(workers(Tracer, model), look, list(enumerate(images)))
    seen: dict[str, _Seen] = {}
    for one in progress(looks, "calibrating, image", len(images)):
        for name, shown in one.items():
            seen.setdefault(name, _Seen()).add(shown)
    return {name: of_all.together() for name, of_all in seen.items()}


def _look(activation: np.ndarray, samples: int, random: np.random.Generator) -> _Look:
    activation = np.atleast_1d(activation)
    lowest, highest, means = (
        _over_positions(function, activation) for function in (np.min, np.max, np.mean)
    )
    values = activation.ravel()
    if values.size > samples:
        values = values[random.integers(values.size, size=samples)]
    else:
        values = values.copy()  # the interpreter's memory is the next image's
    peaks = np.maximum(-lowest, highest)
    return _Look(lowest.min(), highest.max(), values, means, peaks)


def _over_positions(function: Callable[..., np.ndarray], activation: np.ndarray) -> np.ndarray:
    """A function of each channel, over all axes but the last: one by one, since long rows go fast."""
    while activation.ndim > 1:
        first, *rest = activation.shape
        rows = activation.reshape(first, -1)
        activation = (rows[0] if first == 1 else function(rows, axis=0)).reshape(rest)
    return activation.copy()  # of a vector it is the interpreter's memory still


class _Seen:
    """What the images so far show of an activation, in fewer arrays than they have looks."""

    def __init__(self) -> None:
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._values: list[np.ndarray] = []
        self._sums: Any = np.float64(0)
        self._peaks: Any = np.float32(0)

    def add(self, look: _Look) -> None:
        self._lows.append(look.low)
        self._highs.append(look.high)
        self._values.append(look.values)
        self._sums = self._sums + look.means
        self._peaks = np.maximum(self._peaks, look.peaks)

    def together(self) -> Observations:
        return Observations(
            np.array(self._lows),
            np.array(self._highs),
            np.concatenate(self._values),
            (self._sums / len(self._lows)).astype("float32"),
            self._peaks,
        )
