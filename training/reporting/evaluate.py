"""Evaluation of a model on a split, by its own card's transform."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnets
from keras_resnets._common.files import write_text
from keras_resnets._common.fonts import drawable_names
from keras_resnets._common.pictures import page, save
from keras_resnets.card import Card, class_names
from keras_resnets.data import ImageData, evaluation_batches, open_data
from keras_resnets.errors import UserError
from keras_resnets.weights import registered_checkpoint

from ..run.folder import EVALUATION, MISTAKES, RunFolder, read_rows
from ..run.models import BEST
from . import plots
from .metrics import Evaluation, evaluate
from .seen import save_mistakes

SHOWN = 24  # images on a page

Array = np.ndarray[Any, Any]


def predict(
    model: keras.Model, card: Card, data: ImageData, split: str, batch_size: int
) -> tuple[Array, Array]:
    """Probabilities `(images, classes)` and labels `(images,)` of a split, in its fixed order.

    Raises:
        UserError: Where the images are of classes that the model does not know.
    """
    batches = evaluation_batches(
        data.with_classes(card.class_names), split, card.preprocessing, batch_size
    )
    probabilities, labels = [], []
    for images, truth in batches:
        outputs = model.predict_on_batch(images)
        if outputs.shape[-1] == 1:  # one output tells two classes apart
            outputs = np.concatenate([1 - outputs, outputs], axis=1)
        probabilities.append(outputs)
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
    """Evaluates a model, and writes the numbers as JSON where `out` says.

    Args:
        model: A run folder, a `.keras` file with its card, or a network's name.
        weights: Weights of a named network.
        source: Arguments of `open_data`; without a data set or folder, the card's own.
        split: Split of those images; of a folder without splits, the test split is all of it.
        batch_size: Number of images at a time.
        out: Path of a JSON file to write.

    Raises:
        UserError: Where the model or the data is not there, or they do not fit each other.
    """
    given: dict[str, Any] = {name: value for name, value in source.items() if value is not None}
    if split == "test" and "folder" in given:
        given["everything"] = True
    if Path(model).exists():
        network, card = keras_resnets.open_model(model, weights)
        data = open_data(**(given or _own_data(model, card)))
    else:
        # Before minutes are spent on the data, and before weights of other classes are downloaded.
        variant = keras_resnets.model_info(model).name
        if not {"folder", "dataset"} & set(given):
            raise UserError(_no_data(model))
        data = open_data(**given)
        published = registered_checkpoint(variant, weights)
        if published is not None:
            data.with_classes(class_names(published.classes))
        network, card = keras_resnets.open_model(model, weights)
    if card.class_names == tuple(f"class {index}" for index in range(len(data.class_names))):
        # Nobody named them: the images' classes are taken in their order.
        card = dataclasses.replace(card, class_names=data.class_names)
    probabilities, labels = predict(network, card, data, split, batch_size)
    result = evaluate(probabilities, labels, card.class_names, measured(data, split))
    if out is not None:
        result.save(out)
    return result


def measured(data: ImageData, split: str) -> str:
    """The split whose images these really are: validation serves as test where there is none."""
    return "validation" if split == "test" and data.test_is_validation else split


def _own_data(model: str, card: Card) -> dict[str, Any]:
    if card.data is None:
        raise UserError(_no_data(model))
    return dict(card.data)


def _no_data(model: str) -> str:
    return (
        f"Expected --data FOLDER or --dataset NAME: {model} has no data of its own, as a run has. "
        "Received: neither."
    )


def evaluate_run(folder: RunFolder, data: ImageData, batch_size: int) -> Evaluation:
    """Evaluates a run's best model on the test split, and draws what there is to see."""
    path = folder / BEST
    model, card = keras_resnets.open_model(path)
    probabilities, labels = predict(model, card, data, "test", batch_size)
    result = evaluate(probabilities, labels, card.class_names, measured(data, "test"))

    plots.draw_curves(read_rows(folder.path), folder / "curves.png")
    names = drawable_names(card.class_names)
    plots.draw_confusion(result.confusion, names, folder / "confusion.png")
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    mistakes = np.array([mistake.position for mistake in result.mistakes], int)
    wrong = _images(data, "test", mistakes)
    first = np.arange(min(SHOWN, len(labels)))
    for name, title, indices, images in (
        ("mistakes.png", "The most confident mistakes", mistakes, wrong),
        ("predictions.png", "Predictions", first, _images(data, "test", first)),
    ):
        shown = [
            plots.prediction(image, names, predicted[i], labels[i], confidence[i])
            for image, i in zip(images, indices, strict=True)
        ]
        save(page(shown, title), folder / name)
    save_mistakes(folder / MISTAKES, model, card, result.mistakes, wrong)
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
