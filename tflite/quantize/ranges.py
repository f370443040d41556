"""The range of values that each activation takes: what an integer format needs to know."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing, read_image

from ..file.runtime import Tracer
from .network import nodes_of

FEWEST = 10  # images; of fewer, a range is an accident of single ones
LOOPS = {"WHILE", "IF"}  # operators that run other graphs
SAMPLES = 2**16  # values of one activation, of all images


class Range(NamedTuple):
    """The lowest and the highest value that is represented; 0 lies between."""

    low: float
    high: float


class Observations(NamedTuple):
    """What was seen of one activation.

    Attributes:
        lows, highs: The extremes of each image.
        values: A sample of all values.
        means: Mean of each channel, over all images and positions.
        peaks: Largest absolute value of each channel.
    """

    lows: np.ndarray
    highs: np.ndarray
    values: np.ndarray
    means: np.ndarray
    peaks: np.ndarray


def min_max(seen: Observations) -> Range:
    """Everything that was seen."""
    return Range(seen.lows.min(), seen.highs.max())


def average(seen: Observations) -> Range:
    """The mean of the images' extremes."""
    return Range(seen.lows.mean(), seen.highs.mean())


def percentile(seen: Observations) -> Range:
    """All but one value in 10,000 at each end."""
    return Range(*np.quantile(seen.values, (1e-4, 1 - 1e-4)))


def least_error(seen: Observations) -> Range:
    """The range, from 30 % of everything seen at each end, that int8 represents with least error.

    A wide range rounds coarsely, a narrow one clips: the squared error weighs both.
    """
    widest = min_max(seen)
    shares = np.linspace(0.3, 1, 36)
    high = min(
        (share * widest.high for share in shares),
        key=lambda high: _squared_error(seen.values, Range(widest.low, high)),
    )
    low = min(
        (share * widest.low for share in shares),
        key=lambda low: _squared_error(seen.values, Range(low, high)),
    )
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
        photo = read_image(encoded)
        images.append((preprocessing.pixels(photo) if pixels else preprocessing(photo))[None])
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


def observe(model: bytes, images: Sequence[np.ndarray]) -> dict[str, Observations]:
    """Runs a float model on images and looks at every activation.

    Args:
        model: A float32 `.tflite` file.
        images: Images as the model takes them, `(1, height, width, channels)` each.

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
    tracer = Tracer(model)
    lows: dict[str, list[float]] = {name: [] for name in tracer.names}
    highs: dict[str, list[float]] = {name: [] for name in tracer.names}
    values: dict[str, list[np.ndarray]] = {name: [] for name in tracer.names}
    means: dict[str, list[np.ndarray]] = {name: [] for name in tracer.names}
    peaks: dict[str, list[np.ndarray]] = {name: [] for name in tracer.names}
    samples = -(-SAMPLES // len(images))
    random = np.random.default_rng(0)
    for image in progress(images, "calibrating, image", len(images)):
        for name, activation in tracer(image):
            activation = np.atleast_1d(activation)
            by_channel = activation.reshape(-1, activation.shape[-1])
            means[name].append(by_channel.mean(axis=0))
            lowest, highest = by_channel.min(axis=0), by_channel.max(axis=0)
            peaks[name].append(np.maximum(-lowest, highest))
            lows[name].append(lowest.min())
            highs[name].append(highest.max())
            found = activation.ravel()
            if found.size > samples:
                found = found[random.integers(found.size, size=samples)]
            values[name].append(found)
    return {
        name: Observations(
            np.array(lows[name]),
            np.array(highs[name]),
            np.concatenate(values[name]),
            np.mean(means[name], axis=0),
            np.max(peaks[name], axis=0),
        )
        for name in tracer.names
    }


def choose_ranges(seen: Mapping[str, Observations], method: str) -> dict[str, Range]:
    """The range of each activation, by a key of `METHODS`."""
    chosen = {}
    for name, observations in seen.items():
        low, high = METHODS[method](observations)
        low, high = min(float(low), 0.0), max(float(high), 0.0)
        # Of what is always 0, any range is right; none at all is beyond the kernels of ADD.
        chosen[name] = Range(low, high if low < high else 1.0)
    return chosen


def _squared_error(values: np.ndarray, limits: Range) -> float:
    low, high = min(limits.low, 0), max(limits.high, 0)
    scale = (high - low) / 255 or 1.0
    zero = np.rint(-low / scale)
    rounded = (np.rint(values / scale) + zero).clip(0, 255)
    return float(np.mean(np.square((rounded - zero) * scale - values)))
