"""From a Keras model to files."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_resnets._common.console import ticking
from keras_resnets._common.memory import give_back_memory
from keras_resnets.card import Card
from keras_resnets.data import ImageData, evaluation_batches
from keras_resnets.errors import UserError
from keras_resnets.quantization import IMAGES, Int8Simulation

from ..file.card import FileCard
from ..file.packing import pack
from ..formats import FLOAT32, MIXED, NumberFormat
from ..quantize.mixture import Mixture, find_mixture
from ..quantize.observing import observe
from ..quantize.plan import Plan, best_plan
from ..quantize.quantizer import quantize
from ..quantize.ranges import Range, calibration_images, pixels_of
from ..trained import TrainedModel
from .converter import convert
from .keras_model import NORMALIZE, Input, Outline, PhoneModel, phone_model
from .surgery import by_layer, with_bytes_taken, with_probabilities

BEST = "best"
MISSING_IMAGES = (
    "Expected images to calibrate with. Received: a model whose card names none. "
    "Name what it was trained on: --data FOLDER or --dataset NAME."
)


@dataclass(frozen=True)
class Options:
    """How a model is converted.

    Attributes:
        quantizer: `"litert"` rewrites the float32 file, `"tensorflow"` converts anew by TensorFlow's
            converter.
        calibration_images: Number of training images that set the ranges of integer formats.
        calibration_method: A key of `tflite.quantize.ranges.METHODS`, and nothing else is done; or
            `"best"`: the one of them, and what else recovers accuracy, whose logits err least on the
            calibration images. TensorFlow has min-max alone.
        dynamic_batch: Whether a file takes any number of images.
        input: What a file takes, a key of `tflite.convert.keras_model.INPUTS`.
        gives_logits: Whether a file gives logits, and not probabilities.
        integer_io: Whether integer formats have integer inputs and outputs.
    """

    quantizer: str = "litert"
    calibration_images: int = 200
    calibration_method: str = BEST
    dynamic_batch: bool = False
    input: Input = "uint8"
    gives_logits: bool = False
    integer_io: bool = False

    @property
    def takes_pixels(self) -> bool:
        """Whether a file takes pixels and normalises them itself."""
        return self.input != "normalised"

    def __post_init__(self) -> None:
        if self.takes_pixels and (self.integer_io or self.quantizer == "tensorflow"):
            raise UserError(
                "Expected normalised images as input (--input normalised) with --integer-io and with "
                f"--quantizer tensorflow. Received: {self}."
            )
        if self.integer_io and not self.gives_logits:
            raise UserError(
                "Expected logits as output (--logits) with --integer-io: probabilities keep "
                f"float32, since 8 bits of them would be too few. Received: {self}."
            )
        if self.quantizer == "tensorflow" and self.calibration_method != "min-max":
            raise UserError(
                "Expected calibration_method='min-max' with quantizer='tensorflow', which has no "
                f"other. Received: calibration_method={self.calibration_method!r}."
            )


class _Converted(NamedTuple):
    """A file, and the outline of the network that it was converted from."""

    content: bytes
    outline: Outline


@dataclass
class Exporter:
    """Converts one model to several formats; what they share is made once.

    Attributes:
        trained: The trained model.
        data: Source of the calibration images; `None` where there are none.
        options: Options of the files.
    """

    trained: TrainedModel
    data: ImageData | None
    options: Options

    def file(self, format: NumberFormat, float_layers: Sequence[str] = ()) -> bytes:
        """The whole file, with its card.

        Args:
            format: The number format.
            float_layers: Layers of an integer format that stay in float32.

        Raises:
            UserError: Where calibration images are needed and not to be had, or the model is no
                classifier that can be converted.
        """
        content = self._quantized(format, float_layers)
        activation = self._outline.activation
        if not self.options.gives_logits:
            content = with_probabilities(content, activation, self._outline.last)
        card = FileCard(
            architecture=self.trained.card.architecture,
            format=format.name,
            float_layers=tuple(float_layers),
            layers=self._layers,
            class_names=self.trained.card.class_names,
            takes_pixels=self.options.takes_pixels,
            activation=activation,
            gives_logits=self.options.gives_logits,
            preprocessing=self.trained.card.preprocessing,
            provenance=self.trained.card.provenance,
            threshold=self.trained.card.threshold,
            multi_label=self.trained.card.multi_label,
        )
        return pack(content, card)

    def mixture(self, max_drop: float, most_images: int = 500) -> Mixture:
        """Which layers an int8 file keeps in float32 to lose at most `max_drop` points.

        Judged on the validation split.
        """
        if not self.rewrites:
            raise UserError(
                "Expected --max-drop with --quantizer litert, which can leave layers in float32. "
                "Received: --quantizer tensorflow."
            )
        if self.data is None:
            raise UserError(MISSING_IMAGES)
        count = min(self.data.sizes["validation"], most_images)
        batches = evaluation_batches(
            self.data, "validation", self.trained.card.preprocessing, count
        )
        images, labels = next(batches.as_numpy_iterator())
        if self.options.takes_pixels:
            images = pixels_of(images, self.trained.card.preprocessing)
        return find_mixture(
            self.float_model,
            self._layers,
            lambda float_layers: self._quantized(MIXED, float_layers),
            images,
            labels,
            max_drop=max_drop,
        )

    @property
    def float_model(self) -> bytes:
        """The float32 model, from pixels or normalised images to logits; the others are made of it."""
        return self._float.content

    @cached_property
    def calibration(self) -> list[np.ndarray]:
        """Inputs from the training split."""
        if self.data is None:
            raise UserError(MISSING_IMAGES)
        return calibration_images(
            self.data,
            self.trained.card.preprocessing,
            self.options.calibration_images,
            pixels=self.options.takes_pixels,
        )

    @property
    def rewrites(self) -> bool:
        """Whether the other formats are made of the float32 file, and not by a conversion each."""
        return self.options.quantizer != "tensorflow"

    def plan(self, format: NumberFormat) -> Plan:
        """How the float32 model becomes one in an integer format."""
        method = self.options.calibration_method
        if method == BEST:
            return self._plain if format.plain_ranges or self._plain.learned else self._best
        return replace(self._plain, method=method)

    def _quantized(self, format: NumberFormat, float_layers: Sequence[str]) -> bytes:
        """The model in a number format, to logits."""
        if format == FLOAT32:
            return self.float_model
        if not self.rewrites:
            return self._converted(format).content
        if not format.calibrated:
            return quantize(self.float_model, format, {})
        integer_io = self.options.integer_io
        return self.plan(format).file(format, float_layers, integer_io=integer_io)

    @cached_property
    def _float(self) -> _Converted:
        with ticking("converting,"):
            return self._converted(FLOAT32)

    @cached_property
    def _outline(self) -> Outline:
        return self._float.outline if self.rewrites else self._phone_model().outline

    def _converted(self, format: NumberFormat) -> _Converted:
        """What TensorFlow's converter makes, its tensors named by layer."""
        phone = self._phone_model()
        outline = phone.outline
        content = convert(phone.model, format, self.calibration if format.calibrated else ())
        # Networks are cycles of objects, and this one is as large as the file.
        del phone
        gc.collect()
        give_back_memory()
        content = by_layer(content, outline.place_of, outline.last)
        takes_bytes = self.options.input == "uint8"
        return _Converted(with_bytes_taken(content) if takes_bytes else content, outline)

    def _phone_model(self) -> PhoneModel:
        return phone_model(
            self.trained.model,
            self.trained.card.preprocessing,
            batch=None if self.options.dynamic_batch else 1,
            takes=self.options.input,
        )

    @property
    def _layers(self) -> tuple[str, ...]:
        return self._outline.layers

    @cached_property
    def _plain(self) -> Plan:
        """The float32 model as it is, with room for everything that was seen."""
        seen = observe(self.float_model, self.calibration)
        return Plan(self.float_model, seen, learned=self._learned(seen))

    def _learned(self, tensors: Iterable[str]) -> dict[str, Range]:
        """The ranges of a network that was trained for int8, by the names of the tensors."""
        model = self.trained.model
        if not isinstance(model, Int8Simulation):
            return {}
        ranges = {name: Range(*limits) for name, limits in model.ranges.items()}

        def operation(tensor: str) -> str:
            layer, *within = tensor.split("/")
            is_entry = layer == NORMALIZE or layer not in self._layers
            return IMAGES if is_entry else within[0]

        return {one: ranges[operation(one)] for one in tensors if operation(one) in ranges}

    @cached_property
    def _best(self) -> Plan:
        return best_plan(self._plain, self.calibration)


def paths(
    card: Card, formats: Sequence[NumberFormat], folder: Path
) -> Iterator[tuple[NumberFormat, Path]]:
    """Where the file of each format goes."""
    for format in formats:
        yield format, folder / f"{card.architecture}.{format.name}.tflite"
