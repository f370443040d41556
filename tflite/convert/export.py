"""From a Keras model to files."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TextIO

import numpy as np

from keras_resnets._common.console import progress, ticking
from keras_resnets.card import Card
from keras_resnets.data import ImageData, evaluation_batches
from keras_resnets.errors import UserError

from ..file.card import FileCard
from ..file.metadata import pack
from ..file.runtime import Runner
from ..formats import FLOAT32, INT8, INT16X8, Mode
from ..quantize.calibration import calibration_images
from ..quantize.mixture import Mixture, find_mixture
from ..quantize.quantizer import quantize
from ..quantize.ranges import METHODS, Observations, Range, choose_ranges, observe
from ..trained import Source
from ..use.photo import denormalize
from .converter import convert
from .keras_model import phone_model
from .pixels import accelerate_pixels

BEST = "best"
MISSING_IMAGES = (
    "Expected images to calibrate with. Received: a model whose card names none. "
    "Name what it was trained on: --data FOLDER or --dataset NAME."
)


@dataclass(frozen=True)
class Options:
    """How a model is converted.

    Attributes:
        quantizer: `"ai-edge"` rewrites the float32 file, `"tensorflow"` converts anew by TensorFlow's
            converter.
        calibration_images: how many training images set the ranges of integer modes.
        calibration_method: a key of `tflite.quantize.ranges.METHODS`, or `"best"`: the one of them whose
            logits err least on the calibration images. TensorFlow has min-max alone.
        dynamic_batch: whether a file takes any number of images.
        embed_preprocessing: whether a file takes uint8 pixels and normalises them itself.
        integer_io: whether integer modes have integer inputs and outputs.
    """

    quantizer: str = "ai-edge"
    calibration_images: int = 200
    calibration_method: str = BEST
    dynamic_batch: bool = False
    embed_preprocessing: bool = False
    integer_io: bool = False

    def __post_init__(self) -> None:
        if self.embed_preprocessing and (self.integer_io or self.quantizer == "tensorflow"):
            raise UserError(
                "Expected embed_preprocessing without integer_io and with quantizer='ai-edge': the "
                f"input is uint8 pixels already. Received: {self}."
            )
        if self.quantizer == "tensorflow" and self.calibration_method != "min-max":
            raise UserError(
                "Expected calibration_method='min-max' with quantizer='tensorflow', which has no "
                f"other. Received: calibration_method={self.calibration_method!r}."
            )


@dataclass
class Exporter:
    """Converts one model to several formats; what they share is made once.

    Attributes:
        source: the model.
        data: where calibration images come from; `None` where there are none.
        options: how.
        terminal: where progress is shown.
    """

    source: Source
    data: ImageData | None
    options: Options
    terminal: TextIO = field(repr=False)

    def file(self, mode: Mode, float_layers: Sequence[str] = ()) -> bytes:
        """The whole file, with its card.

        Args:
            mode: the number format.
            float_layers: layers of an integer mode that stay in float32.

        Raises:
            ValueError: where calibration images are needed and not to be had, or the model is no
                classifier that can be converted.
        """
        card = FileCard(
            architecture=self.source.card.architecture,
            mode=mode.name,
            float_layers=tuple(float_layers),
            class_names=self.source.card.class_names,
            takes_pixels=self.options.embed_preprocessing,
            preprocessing=self.source.card.preprocessing.to_dict(),
            provenance=self.source.card.provenance,
        )
        return pack(self._model(mode, float_layers), card)

    def _model(self, mode: Mode, float_layers: Sequence[str]) -> bytes:
        if mode == FLOAT32:
            return self.float_model
        if self.options.quantizer == "tensorflow":
            images = self.calibration if mode.calibrated else ()
            return convert(self._keras_model, mode, images, terminal=self.terminal)
        return quantize(
            self.float_model,
            mode,
            self.ranges(mode) if mode.calibrated else {},
            float_layers=float_layers,
            integer_io=self.options.integer_io,
        )

    def mixture(self, max_drop: float, most_images: int = 500) -> Mixture:
        """Which layers an int8 file keeps in float32 to lose at most `max_drop` points.

        Judged on the validation split.
        """
        if self.data is None:
            raise UserError(MISSING_IMAGES)
        count = min(self.data.sizes["validation"], most_images)
        batches = evaluation_batches(self.data, "validation", self.source.card.preprocessing, count)
        images, labels = next(batches.as_numpy_iterator())
        if self.options.embed_preprocessing:
            images = denormalize(images, self.source.card.preprocessing.to_dict())
        return find_mixture(
            self.float_model,
            lambda float_layers: self._model(INT8, float_layers),
            images,
            labels,
            max_drop=max_drop,
            terminal=self.terminal,
        )

    @cached_property
    def float_model(self) -> bytes:
        """The float32 model, from which the others are made."""
        with ticking("converting,", self.terminal):
            content = convert(self._keras_model)
        return accelerate_pixels(content) if self.options.embed_preprocessing else content

    @cached_property
    def calibration(self) -> list[np.ndarray]:
        """Inputs from the training split."""
        if self.data is None:
            raise UserError(MISSING_IMAGES)
        return calibration_images(
            self.data,
            self.source.card.preprocessing,
            self.options.calibration_images,
            pixels=self.options.embed_preprocessing,
        )

    def ranges(self, mode: Mode) -> dict[str, Range]:
        """Of every activation of the float32 model, for an integer mode."""
        method = self.options.calibration_method
        if method != BEST:
            return choose_ranges(self._observations, method)
        # 16 bits have room for everything seen.
        return (
            self._best_ranges if mode != INT16X8 else choose_ranges(self._observations, "min-max")
        )

    @cached_property
    def _observations(self) -> dict[str, Observations]:
        return observe(self.float_model, self.calibration, self.terminal)

    @cached_property
    def _best_ranges(self) -> dict[str, Range]:
        """The method's whose int8 logits err least on the calibration images.

        No method wins everywhere: what clips rare values helps one network and ruins the next.
        """
        images = np.concatenate(self.calibration)
        exact = self._logits(self.float_model, images)
        candidates = [choose_ranges(self._observations, method) for method in METHODS]

        def error(ranges: dict[str, Range]) -> float:
            logits = self._logits(quantize(self.float_model, INT8, ranges), images)
            return float(np.mean(np.square(logits - exact)))

        title = "trying calibration methods,"
        errors = [error(one) for one in progress(candidates, title, len(METHODS), self.terminal)]
        return candidates[int(np.argmin(errors))]

    def _logits(self, content: bytes, images: np.ndarray) -> np.ndarray:
        return Runner(content, threads=os.cpu_count() or 1)(images)

    @cached_property
    def _keras_model(self):
        return phone_model(
            self.source.model,
            self.source.card.preprocessing,
            batch=None if self.options.dynamic_batch else 1,
            embed_preprocessing=self.options.embed_preprocessing,
        )


def paths(card: Card, modes: Sequence[Mode], folder: Path) -> Iterator[tuple[Mode, Path]]:
    """Where the file of each mode goes."""
    for mode in modes:
        yield mode, folder / f"{card.architecture}.{mode.name}.tflite"
