"""Evaluation of a model on a split, by its own card's transform."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnets
from keras_resnets._common.files import write_text
from keras_resnets._common.fonts import drawable_names
from keras_resnets._common.pictures import page, save
from keras_resnets.card import Card, class_names
from keras_resnets.classifier import activation, probabilities
from keras_resnets.data import ImageData, evaluation_batches, open_data
from keras_resnets.errors import UserError
from keras_resnets.inference import images_at_once
from keras_resnets.weights import is_shared, registered_checkpoint

from ..inference import in_inference
from ..run.calibration import Activation, temperature_of
from ..run.folder import BEST, EVALUATION, MISTAKES, read_rows
from ..run.models import Models
from . import plots
from .label_metrics import LabelEvaluation, evaluate_labels
from .labelled import draw_labelled
from .metrics import Evaluation, evaluate, with_temperature, with_threshold
from .seen import save_seen
from .single import as_seen, for_page

SHOWN = 24  # images on a page

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model says of the images of a split, in their fixed order.

    Attributes:
        probabilities: Probabilities of the model's classes, `(images, classes)`.
        labels: True classes, `(images,)` integers among the model's; -1 for one that it does not know.
        unknown: Number of images of each class that the model does not know.
    """

    probabilities: Array
    labels: Array
    unknown: Mapping[str, int]


def predict(
    model: keras.Model,
    card: Card,
    data: ImageData,
    split: str,
    batch_size: int | None = None,
    *,
    flip: bool = False,
) -> Predictions:
    """What a model says of the images of a split.

    Args:
        model: The model.
        card: The model's card.
        data: The images. Classes meet by their names.
        split: Name of the split.
        batch_size: Number of images at a time; by default as many as `images_at_once` says.
        flip: Whether the answer is the mean over each image and its mirror image.

    Raises:
        UserError: Where no image is of a class that the model knows.
    """
    met = data.labels_among(card.class_names)
    known = np.array([-1 if label is None else label for label in met])
    found, truth = answers(_answer(model, card, flip=flip), card, data, split, batch_size)
    counts = np.bincount(truth, minlength=len(known))
    unknown = {
        name: int(count)
        for name, label, count in zip(data.class_names, known, counts, strict=True)
        if label < 0 and count
    }
    return Predictions(found, known[truth], unknown)


def predict_labels(
    model: keras.Model,
    card: Card,
    data: ImageData,
    split: str,
    batch_size: int | None = None,
    *,
    flip: bool = False,
) -> tuple[Array, Array]:
    """Probabilities and truth of a split's labels, both `(images, classes)`.

    Args:
        model: The model, which gives any number of labels.
        card: The model's card.
        data: The images, which have any number of labels. These meet by their names.
        split: Name of the split.
        batch_size: Number of images at a time; by default as many as `images_at_once` says.
        flip: Whether the answer is the mean over each image and its mirror image.

    Raises:
        UserError: Where the images have labels that the model does not know.
    """
    met = data.with_classes(card.class_names)
    return answers(_answer(model, card, flip=flip), card, met, split, batch_size)


def _answer(model: keras.Model, card: Card, *, flip: bool) -> Callable[[Array], Array]:
    """Function of normalised images that gives the probabilities of the model's classes."""
    last, classes = activation(model), len(card.class_names)
    compute = in_inference(model)

    def answer(images: Array) -> Array:
        return probabilities(compute(images).numpy(), last, classes=classes)

    def answer_both(images: Array) -> Array:
        return (answer(images) + answer(images[:, :, ::-1])) / 2

    return answer_both if flip else answer


def answers(
    answer: Callable[[Array], Array],
    card: Card,
    data: ImageData,
    split: str,
    batch_size: int | None = None,
) -> tuple[Array, Array]:
    """What a function gives for the normalised images of a split, and their labels in the data."""
    rows = batch_size or images_at_once(*card.preprocessing.shape)
    batches = evaluation_batches(data, split, card.preprocessing, rows)
    pairs = [(answer(images), labels) for images, labels in batches.as_numpy_iterator()]
    found, labels = zip(*pairs, strict=True)
    return np.concatenate(found), np.concatenate(labels)


def measure(predictions: Predictions, model: keras.Model, card: Card, split: str) -> Evaluation:
    """The numbers of predictions: accuracy, calibration, and how often the model is unsure.

    Args:
        predictions: What the model says.
        model: The model.
        card: Its card.
        split: Split that the images are of.

    Raises:
        UserError: Where no image of the split is of a class that the model knows.
    """
    known = predictions.labels >= 0
    if not known.any():
        raise UserError(
            f"Expected images of the model's classes in the {split} split. Received: images of "
            f"{', '.join(map(repr, predictions.unknown))} alone."
        )
    found, labels = predictions.probabilities[known], predictions.labels[known]
    result = evaluate(found, labels, card.class_names, split)
    places = np.flatnonzero(known)
    mistakes = [
        dataclasses.replace(mistake, position=int(places[mistake.position]))
        for mistake in result.mistakes
    ]
    result = dataclasses.replace(result, mistakes=mistakes, unknown=dict(predictions.unknown))
    temperature = temperature_of(card)
    if temperature is not None:
        kind: Activation = "sigmoid" if activation(model) == "sigmoid" else "softmax"
        result = with_temperature(result, found, labels, temperature, kind)
    if card.threshold is not None:
        result = with_threshold(result, found, labels, card.threshold)
        if not known.all():
            strange = predictions.probabilities[~known].max(axis=1) < card.threshold
            result = dataclasses.replace(result, unknown_unsure=float(strange.mean()))
    return result


def evaluate_model(
    model: str,
    *,
    weights: str | None,
    source: Mapping[str, str | None],
    split: str,
    batch_size: int | None = None,
    flip: bool = False,
    out: Path | None = None,
) -> Evaluation | LabelEvaluation:
    """Evaluates a model, and writes the numbers as JSON where `out` says.

    Args:
        model: A run folder, a `.keras` file with its card, or a network's name.
        weights: Weights of a named network.
        source: Arguments of `open_data`; without a data set or folder, the card's own.
        split: Split of those images; of a folder without splits, the test split is all of it.
        batch_size: Number of images at a time; by default as many as `images_at_once` says.
        flip: Whether the answer is the mean over each image and its mirror image.
        out: Path of a JSON file to write.

    Raises:
        UserError: Where the model or the data is not there, or they do not fit each other.
    """
    given: dict[str, Any] = {name: value for name, value in source.items() if value is not None}
    if split == "test" and "folder" in given:
        given["everything"] = True
    if Path(model).exists() or is_shared(model):
        network, card = keras_resnets.open_model(model, weights)
        if not {"folder", "dataset"} & set(given):
            given = {**_own_data(model, card), **given}
        data = open_data(**given)
    else:
        # Before minutes are spent on the data, and before weights of other classes are downloaded.
        variant = keras_resnets.model_info(model).name
        if not {"folder", "dataset"} & set(given):
            raise UserError(_no_data(model))
        data = open_data(**given)
        published = registered_checkpoint(variant, weights)
        if published is not None:
            data.labels_among(class_names(published.classes))
        network, card = keras_resnets.open_model(model, weights)
    if card.class_names == tuple(f"class {index}" for index in range(len(data.class_names))):
        # Nobody named them: the images' classes are taken in their order.
        card = dataclasses.replace(card, class_names=data.class_names)
    _check_kind(model, card, data)
    result: Evaluation | LabelEvaluation
    if card.multi_label:
        found, truth = predict_labels(network, card, data, split, batch_size, flip=flip)
        result = evaluate_labels(found, truth, card.class_names, measured(data, split))
    else:
        predictions = predict(network, card, data, split, batch_size, flip=flip)
        result = measure(predictions, network, card, measured(data, split))
    if out is not None:
        result.save(out)
    return result


def measured(data: ImageData, split: str) -> str:
    """The split whose images these really are: validation serves as test where there is none."""
    return "validation" if split == "test" and data.test_is_validation else split


def _check_kind(model: str, card: Card, data: ImageData) -> None:
    """Refuses images with any number of labels for a model that names one class, and the reverse."""
    if card.multi_label and not data.multi_label:
        raise UserError(
            f"Expected images with any number of labels each, as {model} gives them. Received: "
            f"{data.name} with one class each. Write what they show into a column `labels` of a CSV: "
            "--labels CSV."
        )
    if data.multi_label and not card.multi_label:
        raise UserError(
            f"Expected images with one class each, as {model} names them. Received: {data.name} with "
            "any number of labels each. Write the one class into a column `label`, or have a folder a "
            "class."
        )


def _own_data(model: str, card: Card) -> dict[str, Any]:
    if card.data is None:
        raise UserError(_no_data(model))
    return dict(card.data)


def _no_data(model: str) -> str:
    return (
        f"Expected --data FOLDER or --dataset NAME: {model} has no data of its own, as a run has. "
        "Received: neither."
    )


def evaluate_run(models: Models, data: ImageData) -> Evaluation | LabelEvaluation:
    """Evaluates a run's best model on the test split, and draws what there is to see."""
    folder, model = models.folder, models.network
    models.hold(BEST)
    card = Card.load(folder / BEST)
    plots.draw_curves(read_rows(folder.path), folder / "curves.png")
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in card.class_names))
    if card.multi_label:
        found, truth = predict_labels(model, card, data, "test")
        of_labels = evaluate_labels(found, truth, card.class_names, measured(data, "test"))
        draw_labelled(folder.path, data, found, truth, of_labels, most=SHOWN)
        of_labels.save(folder / EVALUATION)
        return of_labels
    predictions = predict(model, card, data, "test")
    result = measure(predictions, model, card, measured(data, "test"))

    names = drawable_names(card.class_names)
    plots.draw_confusion(result.confusion, names, folder / "confusion.png")
    labels = predictions.labels
    confidence = predictions.probabilities.max(axis=1)
    predicted = predictions.probabilities.argmax(axis=1)
    mistakes = np.array([mistake.position for mistake in result.mistakes], int)
    first = np.arange(min(SHOWN, len(labels)))
    for name, title, indices in (
        ("mistakes.png", "The most confident mistakes", mistakes),
        ("predictions.png", "Predictions", first),
    ):
        shown = [
            plots.prediction(image, names, predicted[i], labels[i], confidence[i])
            for image, i in zip(for_page(data, "test", indices), indices, strict=True)
        ]
        save(page(shown, title), folder / name)
    taken = [mistake.predicted for mistake in result.mistakes]
    seen = as_seen(data, "test", mistakes, card.preprocessing)
    save_seen(folder / MISTAKES, model, card, taken, seen)
    result.save(folder / EVALUATION)
    return result
