"""A model in whatever form (run, .keras, .tflite, SavedModel), as something that gives probabilities."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.files import read_json
from keras_resnets.card import Card
from keras_resnets.classifier import probabilities
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing

from ..file.card import FileCard
from ..file.packing import LARGEST
from ..file.reading import read_file
from ..file.runtime import Runner, is_accelerated
from ..quantize.ranges import pixels_of
from ..trained import TrainedModel, load
from ..use.classifier import Classifier

SAVED = "saved_model.pb"
SAVED_CARD = "assets.extra/card.json"
RUNS = 20  # that are timed


@dataclass(frozen=True)
class Subject:
    """A model, as a comparison sees it.

    Attributes:
        name: Name in tables.
        says: Probabilities `(n, classes)` of normalised images `(n, height, width, channels)`.
        card: The card, with its classes and preprocessing; `None` where it has none.
        size: Size of its files, or of its weights in memory, in bytes.
        content: Bytes of a `.tflite` file; `None` for other forms.
        trained: The Keras model; `None` for other forms.
    """

    name: str
    says: Callable[[np.ndarray], np.ndarray]
    card: Card | FileCard | None
    size: int
    content: bytes | None = None
    trained: TrainedModel | None = None

    @property
    def accelerated(self) -> bool | None:
        """Whether the runtime accelerates a `.tflite` file whole; `None` for other forms."""
        return None if self.content is None else is_accelerated(self.content)

    def median_ms(self, image: np.ndarray) -> float:
        """The median time of one image, in milliseconds.

        Args:
            image: `(1, height, width, channels)`, normalised.
        """
        if self.content is not None:
            return Runner(self.content).median_ms()
        times = []
        for _ in range(RUNS + 3):
            start = time.perf_counter()
            self.says(image)
            times.append(time.perf_counter() - start)
        return 1000 * float(np.median(times[3:]))


def open_subject(path: Path) -> Subject:
    """Opens a model, in whichever form it is.

    Args:
        path: A run folder, a `.keras` file, a `.tflite` file, or the folder of a SavedModel.

    Raises:
        MissingFile: Where there is none.
        UserError: Where it is none that can be read.
    """
    if path.suffix.lower() == ".tflite":
        return of_file(path.name, read_file(path))
    if (path / SAVED).is_file():
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        saved = SavedModel(path)
        return Subject(path.name, saved, saved.card, size)
    return of_trained(load(path), path.name)


def of_trained(trained: TrainedModel, name: str = "Keras") -> Subject:
    """A Keras model, as trained and not as deployed."""
    size = sum(weight.nbytes for weight in trained.model.get_weights())
    return Subject(name, trained.probabilities, trained.card, size, trained=trained)


def of_file(name: str, content: bytes) -> Subject:
    """A `.tflite` file."""
    classifier = Classifier(content)
    card = classifier.card
    known = None if classifier.assumption else card

    def says(images: np.ndarray) -> np.ndarray:
        given = pixels_of(images, card.preprocessing) if card.takes_pixels else images
        # The runtime holds the weights once more: of several files, those of one at a time.
        return Classifier(content).of_images(given)

    return Subject(name, says, known, len(content), content=content)


class SavedModel:
    """A SavedModel of `export --to saved_model`, from pixels, or of Keras' `export`, from images.

    Args:
        folder: Folder with `saved_model.pb`.

    Attributes:
        card: Its card; `None` where it has none, as from Keras.

    Raises:
        UserError: Where it does not serve one vector of outputs an image.
    """

    def __init__(self, folder: Path):
        import tensorflow as tf

        try:
            self._loaded = tf.saved_model.load(str(folder))  # holds the variables
            self._serve = self._loaded.signatures["serving_default"]
            (self._input,) = self._serve.structured_input_signature[1].values()
            ((self._output, output),) = self._serve.structured_outputs.items()
        except (OSError, KeyError, ValueError) as error:
            raise UserError(
                "Expected a SavedModel with a signature serving_default of one input and one output. "
                f"Received: {folder}: {error}"
            ) from error
        if (self._input.shape.rank, output.shape.rank) != (4, 2):
            raise UserError(
                "Expected a SavedModel of images (batch, height, width, channels) and of one vector "
                f"of outputs an image. Received: {folder}, from {self._input.shape} to {output.shape}."
            )
        self.card = _saved_card(folder)
        if self.card is None and self._input.dtype == tf.uint8:
            raise UserError(
                f"Expected {SAVED_CARD} in a SavedModel that takes pixels. Received: {folder}, without. "
                "`keras-resnets export --to saved_model` writes it."
            )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Probabilities `(n, classes)` of normalised images."""
        at_once = self._input.shape[0] or len(images)
        parts = [images[start : start + at_once] for start in range(0, len(images), at_once)]
        outputs = np.concatenate([self._of(part) for part in parts])
        # Logits are no probabilities, and softmax' and sigmoid's outputs are none of logits.
        linear = outputs.min() < 0 or outputs.max() > 1
        return probabilities(
            outputs, "linear" if linear else "softmax", classes=max(outputs.shape[-1], 2)
        )

    def _of(self, images: np.ndarray) -> np.ndarray:
        import tensorflow as tf

        if self.card is not None:
            images = pixels_of(images, self.card.preprocessing)
        given: dict[str, Any] = {self._input.name: tf.constant(images, self._input.dtype)}
        return np.asarray(self._serve(**given)[self._output], "float32")


def _saved_card(folder: Path) -> Card | None:
    path = folder / SAVED_CARD
    if not path.is_file():
        return None
    values = read_json(path, "a card", most=LARGEST)
    try:
        preprocessing = Preprocessing.from_dict(values["preprocessing"])
        return Card(values["architecture"], tuple(values["class_names"]), preprocessing)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"Expected a card of a SavedModel. Received: {path}: {error}") from error
