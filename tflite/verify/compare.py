"""Keras and its files side by side, on the real evaluation pipeline."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from keras_resnets._common.console import progress
from keras_resnets._common.phone_report import FileRow, KerasRow, PhoneReport
from keras_resnets.data import ImageData, evaluation_batches

from ..file.runtime import Runner, is_accelerated
from ..quantize.ranges import pixels_of
from ..trained import TrainedModel
from ..use.classifier import Classifier

BATCH = 32


@dataclass(frozen=True)
class Probabilities:
    """What Keras and each file say of the same images.

    Attributes:
        labels: Labels of the images, `(images,)`.
        keras: Probabilities of the Keras model, `(images, classes)`.
        files: The same of each file, by its name.
    """

    labels: np.ndarray
    keras: np.ndarray
    files: Mapping[str, np.ndarray]

    def accuracy(self, found: np.ndarray) -> float:
        """The share of images whose top-1 is right."""
        return float(np.mean(found.argmax(-1) == self.labels))

    def agreement(self, file: str) -> float:
        """The share of images of which a file and Keras say the same."""
        return float(np.mean(self.files[file].argmax(-1) == self.keras.argmax(-1)))

    def largest_difference(self, file: str) -> float:
        """Of any class of any image."""
        return float(np.max(np.abs(self.files[file] - self.keras)))


def compare(
    trained: TrainedModel,
    files: Mapping[str, bytes],
    data: ImageData,
    *,
    split: str,
    limit: int | None,
) -> Probabilities:
    """Runs Keras, as trained and not as deployed, and every file on the same images.

    Args:
        trained: The trained model.
        files: Contents of the files by name.
        data: Source of the images.
        split: Name of the split to read.
        limit: How many at most, rounded up to whole batches; `None` for all.
    """
    classifiers = {name: Classifier(content) for name, content in files.items()}
    preprocessing = trained.card.preprocessing
    count = -(-min(limit or data.sizes[split], data.sizes[split]) // BATCH)
    batches = evaluation_batches(data, split, preprocessing, BATCH).take(count)
    labels: list[np.ndarray] = []
    of_keras: list[np.ndarray] = []
    of_files: dict[str, list[np.ndarray]] = {name: [] for name in files}
    for images, truth in progress(batches.as_numpy_iterator(), "comparing, batch", count):
        labels.append(truth)
        of_keras.append(trained.probabilities(images))
        pixels = pixels_of(images, preprocessing)
        for name, classifier in classifiers.items():
            given = pixels if classifier.card.takes_pixels else images
            of_files[name].append(classifier.of_images(given))
    return Probabilities(
        np.concatenate(labels),
        np.concatenate(of_keras),
        {name: np.concatenate(parts) for name, parts in of_files.items()},
    )


def report(trained: TrainedModel, files: Mapping[str, bytes], found: Probabilities) -> PhoneReport:
    """Sums up a comparison; measures latencies."""
    image = np.zeros((1, *trained.card.preprocessing.shape, 3), "float32")
    return PhoneReport(
        KerasRow(
            accuracy=found.accuracy(found.keras),
            images=len(found.labels),
            median_ms=keras_median_ms(trained.model, image),
        ),
        tuple(_row(name, content, found) for name, content in files.items()),
    )


def _row(name: str, content: bytes, found: Probabilities) -> FileRow:
    card = Classifier(content).card
    return FileRow(
        file=name,
        format=card.format,
        accuracy=found.accuracy(found.files[name]),
        agreement=found.agreement(name),
        max_probability_difference=found.largest_difference(name),
        bytes=len(content),
        median_ms=Runner(content).median_ms(),
        accelerated=is_accelerated(content),
        float_layers=card.float_layers,
    )


def keras_median_ms(model: keras.Model, image: np.ndarray, runs: int = 20) -> float:
    """The median time of Keras for one image, as a compiled graph, in milliseconds."""
    times = []
    for _ in range(runs + 3):
        start = time.perf_counter()
        model.predict_on_batch(image)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[3:]))
