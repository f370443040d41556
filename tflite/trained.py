"""What is exported: a model, its card, and the images that it was trained on."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnets.card import Card, find_model, open_model
from keras_resnets.classifier import activation, probabilities
from keras_resnets.data import ImageData, open_data
from keras_resnets.inference import compiled, images_at_once

from .file.card import FileCard


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model with what must be known to use it.

    Attributes:
        model: The model as trained.
        card: Its classes and preprocessing.
        folder: Folder of its files: the run folder, or that of the model.
    """

    model: keras.Model
    card: Card
    folder: Path

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """What it says of normalised images, `(n, classes)`.

        Args:
            images: `(n, height, width, channels)`, float32.
        """
        rows = images_at_once(*images.shape[1:3])
        parts = [images[start : start + rows] for start in range(0, len(images), rows)]
        outputs = np.concatenate([np.asarray(self._compute(part), "float32") for part in parts])
        return probabilities(outputs, activation(self.model), classes=len(self.card.class_names))

    @cached_property
    def _compute(self) -> Callable[[np.ndarray], Any]:
        return compiled(self.model)


def load(run_or_model: Path) -> TrainedModel:
    """Reads a run folder or a `.keras` file with its card, as `keras_resnets.open_model` does."""
    path = find_model(run_or_model)
    return TrainedModel(*open_model(path), path.parent)


def named(name: str, weights: str | None) -> TrainedModel:
    """A network by name, with a checkpoint's weights, classes and preprocessing.

    Args:
        name: Name of the network, ours or timm's.
        weights: `"imagenet"`, a tag, a path, or `None` for a random start.
    """
    model, card = open_model(name, weights)
    return TrainedModel(model, card, Path("runs") / card.architecture)


def images_of(card: Card | FileCard, named: Mapping[str, Any]) -> ImageData | None:
    """The images that the user names, or those that the card does; `None` where neither does.

    Classes meet by name.

    Args:
        card: The model's card, or that of its file, which names no images.
        named: Arguments of `keras_resnets.data.open_data`; nothing to go by the card.

    Raises:
        UserError: Where there are images of a class that the model does not know.
    """
    arguments = named or (card.data if isinstance(card, Card) else None)
    if arguments is None:
        return None
    return open_data(**arguments).with_classes(card.class_names)
