"""What is exported: a model, its card, and the images that it was trained on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

import keras_resnets
from keras_resnets.card import Card, find_model
from keras_resnets.data import ImageData, open_data
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing, imagenet_classes
from keras_resnets.weights import registered_checkpoint


@dataclasses.dataclass(frozen=True)
class Source:
    """A model on the disk.

    Attributes:
        model: as trained.
        card: its classes and preprocessing.
        folder: where its files lie: the run folder, or that of the model.
    """

    model: keras.Model
    card: Card
    folder: Path


def load(run_or_model: Path) -> Source:
    """Reads a run folder or a `.keras` file with its card.

    Raises:
        FileNotFoundError: where there is none, or no card beside it.
        ValueError: where the two do not belong together.
    """
    path = find_model(run_or_model)
    card = Card.load(path)
    model = keras.models.load_model(path, compile=False)
    classes = model.output_shape[-1]
    if classes != len(card.class_names):
        raise UserError(
            f"Expected a card of as many classes as {path} has outputs, {classes}. "
            f"Received: {len(card.class_names)} class names."
        )
    return Source(model, card, path.parent)


def named(name: str, weights: str | None) -> Source:
    """A network by name, with a checkpoint's weights, classes and preprocessing.

    Args:
        name: ours or timm's.
        weights: `"imagenet"`, a tag, a path, or `None` for a random start.

    Raises:
        ValueError: for an unknown network or checkpoint.
        OSError: for weights that cannot be fetched or read.
    """
    variant = keras_resnets.model_info(name).name
    checkpoint = registered_checkpoint(variant, weights)
    preprocessing = Preprocessing() if checkpoint is None else checkpoint.preprocessing
    model = keras_resnets.create_model(
        variant, weights=weights, input_shape=(*preprocessing.shape, 3)
    )
    classes = model.output_shape[-1]
    known = [label for _, label in imagenet_classes()]
    names = known if classes == len(known) else [f"class {index}" for index in range(classes)]
    provenance = {"weights": str(weights)}
    if checkpoint is not None:
        provenance |= {"checkpoint": checkpoint.name, "licence": checkpoint.licence}
    card = Card(variant, tuple(names), preprocessing, provenance=provenance)
    return Source(model, card, Path("runs") / variant)


def images_of(card: Card, named: Mapping[str, Any]) -> ImageData | None:
    """The images that the user names, or those that the card does; `None` where neither does.

    ImageNet's own classes are WordNet IDs; they are taken for a model that names them in English.

    Args:
        card: the model's.
        named: arguments of `keras_resnets.data.open_data`; nothing to go by the card.

    Raises:
        ValueError: where the images have other classes than the model.
    """
    arguments = named or card.data
    if arguments is None:
        return None
    data = open_data(**arguments)
    ids, names = zip(*imagenet_classes(), strict=True)
    if data.class_names == ids and card.class_names == names:
        data = dataclasses.replace(data, class_names=names)
    if data.class_names != card.class_names:
        only = set(data.class_names) ^ set(card.class_names)
        raise UserError(
            f"Expected images of the model's {len(card.class_names)} classes. Received: {data.name} "
            f"with {len(data.class_names)} classes; not in both, or in another order: "
            f"{sorted(only)[:10]}."
        )
    return data
