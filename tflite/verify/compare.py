"""Keras and its files side by side, on the real evaluation pipeline."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import keras
import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.data import ImageData, evaluation_batches

from ..convert.converter import convert
from ..convert.keras_model import logits_model, phone_model
from ..file.runtime import Runner, is_accelerated
from ..quantize.calibration import calibration_images
from ..trained import Source
from ..use.classifier import card_of
from ..use.photo import denormalize, softmax
from .layer_error import LayerError, layer_errors
from .plot import Shown, draw_page
from .report import FileReport, KerasReport, Report

BATCH = 32
WORST = 24  # images on a page


@dataclass(frozen=True)
class Logits:
    """What Keras and each file say of the same images.

    Attributes:
        labels: `(images,)`.
        keras: `(images, classes)`.
        files: the same of each file, by its name.
    """

    labels: np.ndarray
    keras: np.ndarray
    files: Mapping[str, np.ndarray]

    def accuracy(self, logits: np.ndarray) -> float:
        """The share of images whose top-1 is right."""
        return float(np.mean(logits.argmax(-1) == self.labels))

    def agreement(self, file: str) -> float:
        """The share of images of which a file and Keras say the same."""
        return float(np.mean(self.files[file].argmax(-1) == self.keras.argmax(-1)))

    def largest_difference(self, file: str) -> float:
        """Of any logit of any image."""
        return float(np.max(np.abs(self.files[file] - self.keras)))


def compare(
    source: Source,
    files: Mapping[str, bytes],
    data: ImageData,
    *,
    split: str,
    limit: int | None,
    terminal: TextIO,
) -> Logits:
    """Runs Keras, as trained and not as deployed, and every file on the same images.

    Args:
        source: the model.
        files: content by name.
        data: where the images are.
        split: which of them.
        limit: how many at most, rounded up to whole batches; `None` for all.
        terminal: where progress is shown.
    """
    runners = {name: Runner(content) for name, content in files.items()}
    reference = logits_model(source.model)
    preprocessing = source.card.preprocessing
    count = -(-min(limit or data.sizes[split], data.sizes[split]) // BATCH)
    batches = evaluation_batches(data, split, preprocessing, BATCH).take(count)
    labels: list[np.ndarray] = []
    of_keras: list[np.ndarray] = []
    of_files: dict[str, list[np.ndarray]] = {name: [] for name in files}
    for images, truth in progress(batches.as_numpy_iterator(), "comparing, batch", count, terminal):
        labels.append(truth)
        of_keras.append(reference.predict_on_batch(images))
        pixels = denormalize(images, preprocessing.to_dict())
        for name, runner in runners.items():
            of_files[name].append(runner(pixels if runner.takes_pixels else images))
    return Logits(
        np.concatenate(labels),
        np.concatenate(of_keras),
        {name: np.concatenate(parts) for name, parts in of_files.items()},
    )


def report(source: Source, files: Mapping[str, bytes], logits: Logits) -> Report:
    """Sums up a comparison; measures latencies."""
    cards = {name: card_of(content) for name, content in files.items()}
    image = np.zeros((1, *source.card.preprocessing.shape, 3), "float32")
    return Report(
        KerasReport(
            accuracy=logits.accuracy(logits.keras),
            images=len(logits.labels),
            median_ms=keras_median_ms(source.model, image),
        ),
        [
            FileReport(
                file=name,
                mode=cards[name].mode,
                accuracy=logits.accuracy(logits.files[name]),
                agreement=logits.agreement(name),
                max_logit_difference=logits.largest_difference(name),
                bytes=len(content),
                median_ms=Runner(content).median_ms(),
                accelerated=is_accelerated(content),
                float_layers=cards[name].float_layers,
            )
            for name, content in files.items()
        ],
    )


def keras_median_ms(model: keras.Model, image: np.ndarray, runs: int = 20) -> float:
    """The median time of Keras for one image, as a compiled graph, in milliseconds."""
    times = []
    for _ in range(runs + 3):
        start = time.perf_counter()
        model.predict_on_batch(image)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[3:]))


def worst(source: Source, file: str, logits: Logits, data: ImageData, split: str) -> bytes:
    """A PNG of the images on which Keras and a file differ most: other classes first.

    Args:
        source: the model.
        file: its name in `logits`.
        logits: what `compare` gave.
        data, split: where the images were.
    """
    disagree = logits.files[file].argmax(-1) != logits.keras.argmax(-1)
    differences = np.abs(logits.files[file] - logits.keras).max(-1)
    order = np.lexsort((-differences, ~disagree))[:WORST]
    names = source.card.class_names
    shown = {}
    for index, (photo, label) in enumerate(data.examples(split).as_numpy_iterator()):
        if index in order:
            said = [
                f"{who}: {names[values[index].argmax()]} {softmax(values[index]).max():.0%}"
                for who, values in (("Keras", logits.keras), ("file", logits.files[file]))
            ]
            caption = "\n".join([f"truth: {names[label]}", *said])
            shown[index] = Shown(source.card.preprocessing.pixels(photo), caption)
        if len(shown) == len(order):
            break
    title = f"{file}: {disagree.sum()} of {len(disagree)} images named otherwise than by Keras"
    return draw_page([shown[index] for index in order], title)


def layers(source: Source, content: bytes, data: ImageData) -> list[LayerError]:
    """The error behind each layer of a file, on a few training images."""
    pixels = Runner(content).takes_pixels
    model = phone_model(source.model, source.card.preprocessing, embed_preprocessing=pixels)
    float_model = convert(model)
    images = calibration_images(data, source.card.preprocessing, 20, pixels=pixels)
    return layer_errors(float_model, content, images)
