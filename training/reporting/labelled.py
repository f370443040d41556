"""What there is to see of a model that gives images any number of labels."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.fonts import drawable_names
from keras_resnets._common.pictures import page, save
from keras_resnets.card import LABEL_THRESHOLD
from keras_resnets.data import ImageData

from . import plots
from .label_metrics import LabelEvaluation
from .single import for_page

Array = np.ndarray[Any, Any]


def draw_labelled(
    folder: Path,
    data: ImageData,
    found: Array,
    truth: Array,
    result: LabelEvaluation,
    *,
    most: int,
) -> None:
    """Draws how each label fares, the worst mistakes and some predictions into a run's folder.

    Args:
        folder: The run's folder.
        data: The images.
        found: Probabilities of the test images' labels, `(images, classes)`.
        truth: Their labels, `(images, classes)`.
        result: How good they are.
        most: Number of images on a page.
    """
    names = drawable_names(result.class_names)
    plots.draw_label_scores(result.classes, names, folder / "labels.png")
    wrong = np.where((found > LABEL_THRESHOLD) != truth.astype(bool), np.abs(found - truth), 0).sum(
        1
    )
    worst = np.argsort(-wrong, kind="stable")[: min(most, int((wrong > 0).sum()))]
    for name, title, indices in (
        ("mistakes.png", "The most confident mistakes", worst),
        ("predictions.png", "Predictions", np.arange(min(most, len(truth)))),
    ):
        shown = [
            plots.labels(image, names, found[i] > LABEL_THRESHOLD, truth[i] > 0)
            for image, i in zip(for_page(data, "test", indices), indices, strict=True)
        ]
        save(page(shown, title), folder / name)
