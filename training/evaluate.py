"""Evaluation of a saved model on a split, by its own card's transform."""

from typing import Any

import keras
import numpy as np

from keras_resnets.card import Card
from keras_resnets.data import ImageData, evaluation_batches
from training import plots
from training.measures import measure, per_class
from training.run_folder import EVALUATION, RunFolder

SHOWN = 24  # images on a page


def predict(
    model: keras.Model, card: Card, data: ImageData, split: str, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities `(images, classes)` and labels `(images,)` of a split, in its fixed order."""
    batches = evaluation_batches(data, split, card.preprocessing, batch_size)
    probabilities, labels = [], []
    for images, truth in batches:
        probabilities.append(model.predict_on_batch(images))
        labels.append(truth.numpy())
    return np.concatenate(probabilities), np.concatenate(labels)


def evaluate_run(folder: RunFolder, data: ImageData, batch_size: int) -> dict[str, Any]:
    """Evaluates a run's best model on the test split, and draws what there is to see."""
    path = folder / "best.keras"
    model, card = keras.saving.load_model(path, compile=False), Card.load(path)
    probabilities, labels = predict(model, card, data, "test", batch_size)
    result = {"split": "test", **measure(probabilities, labels)}
    result["classes"] = per_class(result["confusion"], card.class_names)

    plots.draw_curves(folder.read_history(), folder / "curves.png")
    plots.draw_confusion(result["confusion"], card.class_names, folder / "confusion.png")
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    mistakes = wrong[np.argsort(-confidence[wrong], kind="stable")][:SHOWN]
    for name, title, indices in (
        ("mistakes.png", "The most confident mistakes", mistakes),
        ("predictions.png", "Predictions", np.arange(min(SHOWN, len(labels)))),
    ):
        images = _images(data, "test", indices)
        captions = [
            plots.caption(card.class_names, predicted[i], labels[i], confidence[i]) for i in indices
        ]
        plots.draw_page(images, captions, title, folder / name)
    folder.write_text("classes.txt", "".join(f"{name}\n" for name in card.class_names))
    folder.write_json(EVALUATION, result)
    return result


def _images(data: ImageData, split: str, indices: np.ndarray) -> list[np.ndarray]:
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
