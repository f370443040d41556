"""What an int8 file is made of, and the search for what loses least."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from keras_resnets._common.console import progress

from ..file.runtime import Runner, on_each, workers
from ..formats import INT8, NumberFormat
from .bias import corrected
from .equalize import equalised
from .joining import joined
from .layerwise import kernels_by_layer, with_kernels
from .limits import within_limits
from .observing import Observations, observe
from .quantizer import quantize
from .ranges import METHODS, Range, choose_ranges
from .sigmoids import responses


@dataclass(frozen=True)
class Plan:
    """How a float file becomes one in integers.

    Attributes:
        model: The float32 file, to logits.
        seen: What was seen of each of its activations.
        method: The calibration method, which gives the ranges.
        through_sigmoids: Whether what goes into a sigmoid or a swish has the range that makes least
            error behind it.
        joined: Whether what is concatenated has one range.
        equal_channels: Whether channels were brought to like ranges in `model`.
        clipping: A key of `tflite.quantize.quantizer.CLIPPINGS`.
        kernels: Kernels in whole steps, chosen for the inputs that each layer gets
            (`tflite.quantize.layerwise`); none where weights are rounded to the nearest.
        biases_corrected: Whether the mean of what rounded weights add is taken off the biases.
        learned: Ranges that training gave, which stand before the method's.
    """

    model: bytes
    seen: Mapping[str, Observations]
    method: str = "min-max"
    through_sigmoids: bool = False
    joined: bool = False
    equal_channels: bool = False
    clipping: str = "none"
    kernels: Mapping[str, np.ndarray] = field(default_factory=dict)
    biases_corrected: bool = False
    learned: Mapping[str, Range] = field(default_factory=dict)

    def __str__(self) -> str:
        steps = {
            "learned ranges": bool(self.learned),
            f"{self.method} ranges": not self.learned,
            "looking through sigmoids": self.through_sigmoids,
            "joined maps in one": self.joined,
            "channels equalised": self.equal_channels,
            "weights clipped": self.clipping != "none",
            "weights rounded by layer": bool(self.kernels),
            "biases corrected": self.biases_corrected,
        }
        return ", ".join(step for step, taken in steps.items() if taken)

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """The range of each activation."""
        seen_through = responses(self.model) if self.through_sigmoids else {}
        ranges = choose_ranges(self.seen, self.method, seen_through)
        chosen = (joined(self.model, ranges) if self.joined else ranges) | dict(self.learned)
        return within_limits(self.model, chosen)

    def file(
        self, format: NumberFormat, float_layers: Sequence[str] = (), *, integer_io: bool = False
    ) -> bytes:
        """The model in an integer format: see `tflite.quantize.quantizer.quantize`."""
        ranges = self.ranges

        def rounded(model: bytes) -> bytes:
            return quantize(
                model,
                format,
                ranges,
                float_layers=float_layers,
                integer_io=integer_io,
                clipping=self.clipping,
            )

        if self.kernels:
            return rounded(with_kernels(self.model, self.kernels, float_layers))
        content = rounded(self.model)
        if not self.biases_corrected:
            return content
        means = {name: seen.means for name, seen in self.seen.items()}
        return rounded(corrected(self.model, content, means))


def best_plan(plain: Plan, images: Sequence[np.ndarray]) -> Plan:
    """The plan whose int8 logits err least on the calibration images.

    No way wins everywhere: what clips rare values helps one network and ruins the next. First the
    calibration method is chosen, then each further step is tried on what is best so far.

    Args:
        plain: The plan to begin with.
        images: The calibration images, `(1, height, width, channels)` each.
    """
    exact = list(_each_logits(plain.model, images))
    steps: list[Callable[[Plan], Plan]] = [
        *(partial(replace, method=method) for method in METHODS),
        partial(replace, joined=True),
        partial(_equalised, images=images),
        partial(replace, clipping="octav"),
        partial(replace, biases_corrected=True),
        partial(_rounded_by_layer, images=images),
        partial(replace, through_sigmoids=False),
    ]
    best, least, tried = plain, np.inf, b""
    if responses(plain.model):
        best = replace(plain, through_sigmoids=True)
    for step in progress(steps, "trying ways to int8,", len(steps)):
        plan = step(best)
        content = plan.file(INT8)
        if content == tried:
            continue
        error = _error(content, images, exact, least)
        if error < least:
            best, least, tried = plan, error, content
    return best


def _equalised(plan: Plan, *, images: Sequence[np.ndarray]) -> Plan:
    model, changed = equalised(plan.model, {name: seen.peaks for name, seen in plan.seen.items()})
    seen = {**plan.seen, **observe(model, images, changed)}
    return replace(plan, model=model, seen=seen, equal_channels=True)


def _rounded_by_layer(plan: Plan, *, images: Sequence[np.ndarray]) -> Plan:
    """In place of clipping and of corrected biases: what it makes least holds their errors too."""
    kernels = kernels_by_layer(plan.model, images)
    return replace(plan, kernels=kernels, clipping="none", biases_corrected=False)


def _error(
    content: bytes, images: Sequence[np.ndarray], exact: Sequence[np.ndarray], most: float
) -> float:
    """Mean squared error of a file's logits; of more than `most`, what the first images add to it."""
    error = 0.0
    for logits, expected in zip(_each_logits(content, images), exact, strict=True):
        error += float(np.mean(np.square(logits - expected))) / len(images)
        if error > most:
            break
    return error


def _each_logits(content: bytes, images: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Of one image after the other, `(1, classes)`."""
    return on_each(workers(Runner, content), Runner.__call__, images)
