"""The range of values that each activation takes: what an integer format needs to know."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing

from .observing import Observations
from .sigmoids import Response

FEWEST = 10  # images; of fewer, a range is an accident of single ones
BINS = 4096  # into which values are counted, to try ranges on: 16 a step of int8


class Range(NamedTuple):
    """The lowest and the highest value that is represented; 0 lies between."""

    low: float
    high: float


def min_max(seen: Observations) -> Range:
    """Everything that was seen."""
    return Range(seen.lows.min(), seen.highs.max())


def average(seen: Observations) -> Range:
    """The mean of the images' extremes."""
    return Range(seen.lows.mean(), seen.highs.mean())


def percentile(seen: Observations) -> Range:
    """All but one value in 10,000 at each end."""
    return Range(*np.quantile(seen.values, (1e-4, 1 - 1e-4)))


def least_error(seen: Observations, response: Response = np.asarray) -> Range:
    """The range, from 30 % of everything seen at each end, that int8 represents with least error.

    A wide range rounds coarsely, a narrow one clips: the squared error weighs both.

    Args:
        seen: What was seen of an activation.
        response: What becomes of it, whose error counts; itself by default.
    """
    widest = min_max(seen)
    # In float32 neighbouring values lie too close to be told apart in so many bins.
    counts, edges = np.histogram(seen.values.astype("float64"), BINS)
    found = np.flatnonzero(counts)
    values, weights = (edges[:-1] + edges[1:])[found] / 2, counts[found] / len(seen.values)
    exact = response(values)

    def error(low: float, high: float) -> float:
        errors = response(_rounded(values, Range(low, high))) - exact
        return float(weights @ np.square(errors))

    shares = np.linspace(0.3, 1, 36)
    high = min((share * widest.high for share in shares), key=lambda high: error(widest.low, high))
    low = min((share * widest.low for share in shares), key=lambda low: error(low, high))
    return Range(low, high)


NO_LABEL = -1  # the kind of images without any label, where they have any number

METHODS: dict[str, Callable[[Observations], Range]] = {
    "min-max": min_max,
    "average": average,
    "percentile": percentile,
    "least-error": least_error,
}


def calibration_images(
    data: ImageData, preprocessing: Preprocessing, count: int, *, pixels: bool = False
) -> list[np.ndarray]:
    """Takes images of the training split, as many of each class; of each label one more or less.

    Args:
        data: Source of the model's training images.
        preprocessing: The model's preprocessing.
        count: Number of images, shared by the classes that there are images of; where one of them has
            too few, the others do not make up for it.
        pixels: Whether uint8 pixels are wanted, and not normalised images in float32.

    Returns:
        Inputs `(1, height, width, channels)`.

    Raises:
        UserError: Where the split has too few images, or images of one class only.
    """
    # A network knows more classes, perhaps, than there are images of.
    classes = sum(map(bool, data.counts.get("train", ()))) or len(data.class_names)
    if count < FEWEST:
        raise UserError(
            f"Expected at least {FEWEST} images for calibration, better {20 * FEWEST}. "
            f"Received: {count}."
        )
    quota = math.ceil(count / classes)
    taken: Counter[int] = Counter()
    images: list[np.ndarray] = []
    for encoded, label in data.examples("train", decode=False).as_numpy_iterator():
        kinds = np.flatnonzero(label).tolist() or [NO_LABEL] if label.ndim else [int(label)]
        if all(taken[kind] >= quota for kind in kinds):
            continue
        taken.update(kinds)
        image = preprocessing.read(encoded, checked=True)
        images.append((image if pixels else preprocessing.normalize(image))[None])
        if len(images) == min(count, quota * classes):
            break
    if len(images) < FEWEST or len(taken) < 2:
        raise UserError(
            f"Expected at least {FEWEST} training images of two classes for calibration. Received: "
            f"{len(images)} images of {len(taken)} classes in {data.name}. "
            "Name the images that the model was trained on: --data FOLDER or --dataset NAME."
        )
    return images


def pixels_of(images: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The uint8 pixels that `preprocessing.normalize` was given."""
    mean, std = (np.asarray(v, "float32") * 255 for v in (preprocessing.mean, preprocessing.std))
    return np.asarray(np.rint(images * std + mean).astype("uint8"))


def choose_ranges(
    seen: Mapping[str, Observations], method: str, responses: Mapping[str, Response] | None = None
) -> dict[str, Range]:
    """The range of each activation.

    Args:
        seen: What was seen of each, by its name.
        method: A key of `METHODS`.
        responses: What becomes of some of them, for which `least_error` chooses in the method's place.
    """
    responses = responses or {}
    chosen = {}
    for name, observations in seen.items():
        found = _range_of(observations, METHODS[method], responses.get(name))
        low, high = min(float(found.low), 0.0), max(float(found.high), 0.0)
        # Of what is always 0, any range is right; none at all is beyond the kernels of ADD.
        chosen[name] = Range(low, high if low < high else 1.0)
    return chosen


def _range_of(
    seen: Observations, method: Callable[[Observations], Range], response: Response | None
) -> Range:
    chooses = response or method
    if chooses not in seen.found:
        seen.found[chooses] = least_error(seen, response) if response else method(seen)
    found: Range = seen.found[chooses]
    return found


def _rounded(values: np.ndarray, limits: Range) -> np.ndarray:
    """What int8 makes of values in a range."""
    low, high = min(limits.low, 0), max(limits.high, 0)
    scale = (high - low) / 255 or 1.0
    zero = np.rint(-low / scale)
    steps = (np.rint(values / scale) + zero).clip(0, 255)
    return np.asarray((steps - zero) * scale)
