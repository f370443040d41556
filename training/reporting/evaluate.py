"""Evaluation of a saved model on a split, by its own card's transform."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnets
from keras_resnets._common.files import write_text
from keras_resnets._common.pictures import page, save
from keras_resnets.card import Card, card_path, find_model
from keras_resnets.data import ImageData, evaluation_batches, open_data
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from keras_resnets.weights import FreshHeadWarning, registered_checkpoint

from ..run.folder import EVALUATION, RunFolder, read_rows
from ..run.models import BEST
from . import plots
from .metrics import Evaluation, evaluate

SHOWN = 24  # images on a page

Array = np.ndarray[Any, Any]


def predict(
    model: keras.Model, card: Card, data: ImageData, split: str, batch_size: int
) -> tuple[Array, Array]:
    """Probabilities `(images, classes)` and labels `(images,)` of a split, in its fixed order."""
    batches = evaluation_batches(data, split, card.preprocessing, batch_size)
    probabilities, labels = [], []
    for images, truth in batches:
        probabilities.append(model.predict_on_batch(images))
        labels.append(truth.numpy())
    return np.concatenate(probabilities), np.concatenate(labels)


def evaluate_model(
    model: str,
    *,
    weights: str | None,
    source: Mapping[str, str | None],
    split: str,
    batch_size: int,
    out: Path | None = None,
) -> Evaluation:
    """Evaluates a saved model, or a named one, and writes the numbers as JSON where `out` says.

    Args:
        model: a run folder, a `.keras` file with its card, or a model's name.
        weights: of a named model.
        source: arguments of `open_data`; without a data set or folder, the card's own.

    Raises:
        UserError: where the model or the data is not there, or they do not fit each other.
    """
    given: dict[str, Any] = {name: value for name, value in source.items() if value is not None}
    try:
        if Path(model).exists():
            path = find_model(model)
            network, card = keras.saving.load_model(path, compile=False), Card.load(path)
            data = open_data(**(given or dict(card.data or {})))
        else:
            keras_resnets.model_info(model)  # before minutes are spent on the data
            if not {"folder", "dataset"} & set(given):
                raise UserError(
                    f"Expected --data FOLDER or --dataset NAME: {model} by its name has no data of "
                    "its own, as a run has. Received: neither."
                )
            data = open_data(**given)
            network, card = _named(model, weights, data)
    except (ValueError, OSError, ImportError) as error:
        raise UserError(str(error)) from error
    if len(data.class_names) != network.output_shape[-1]:
        raise UserError(_other_classes(network.output_shape[-1], model, data))
    probabilities, labels = predict(network, card, data, split, batch_size)
    result = evaluate(probabilities, labels, data.class_names, split)
    if out is not None:
        result.save(out)
    return result


def _named(name: str, weights: str | None, data: ImageData) -> tuple[keras.Model, Card]:
    """A model for the data's classes, and its card: the checkpoint's, or the one beside its file."""
    variant = keras_resnets.model_info(name).name
    classes = len(data.class_names)
    checkpoint = registered_checkpoint(variant, weights)
    if checkpoint is not None and checkpoint.classes != classes:
        raise UserError(_other_classes(checkpoint.classes, checkpoint.name, data))
    if checkpoint is not None:
        preprocessing = checkpoint.preprocessing
    elif weights is not None and card_path(weights).is_file():
        preprocessing = Card.load(weights).preprocessing
    else:
        preprocessing = Preprocessing()
    with warnings.catch_warnings():
        warnings.simplefilter("error", FreshHeadWarning)
        try:
            network = keras_resnets.create_model(
                variant, weights=weights, classes=classes, input_shape=(*preprocessing.shape, 3)
            )
        except FreshHeadWarning as warning:
            raise UserError(
                f"Expected the {classes} classes of {data.name}. Received: {warning}"
            ) from None
    return network, Card(variant, data.class_names, preprocessing)


def _other_classes(classes: int, model: str, data: ImageData) -> str:
    return (
        f"Expected the {classes} classes of {model}. "
        f"Received: {len(data.class_names)} of {data.name}."
    )


def evaluate_run(folder: RunFolder, data: ImageData, batch_size: int) -> Evaluation:
    """Evaluates a run's best model on the test split, and draws what there is to see."""
    path = folder / BEST
    model, card = keras.saving.load_model(path, compile=False), Card.load(path)
    probabilities, labels = predict(model, card, data, "test", batch_size)
    result = evaluate(probabilities, labels, card.class_names, "test")

    plots.draw_curves(read_rows(folder.path), folder / "curves.png")
    plots.draw_confusion(result.confusion, card.class_names, folder / "confusion.png")
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    mistakes = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN]
    for name, title, indices in (
        ("mistakes.png", "The most confident mistakes", mistakes),
        ("predictions.png", "Predictions", np.arange(min(SHOWN, len(labels)))),
    ):
        shown = [
            plots.prediction(image, card.class_names, predicted[i], labels[i], confidence[i])
            for image, i in zip(_images(data, "test", indices), indices, strict=True)
        ]
        save(page(shown, title), folder / name)
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in card.class_names))
    result.save(folder / EVALUATION)
    return result


def _images(data: ImageData, split: str, indices: Array) -> list[Array]:
    """The images at these places of a split, in the order of `indices`."""
    wanted = {int(index) for index in indices}
    if not wanted:
        return []
    found = {
        index: image
        for index, (image, _) in enumerate(
            data.examples(split).take(max(wanted) + 1).as_numpy_iterator()
        )
        if index in wanted
    }
    return [found[int(index)] for index in indices]
