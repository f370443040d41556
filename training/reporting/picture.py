"""A run as one picture: curves, confusion matrix, predictions, and the table of its phone files."""

from pathlib import Path
from typing import Any

from keras_resnets._common.fonts import drawable_names, font_families
from keras_resnets._common.pictures import figure, save

from . import plots
from .label_metrics import LabelEvaluation
from .page.content import RunContent


def draw(content: RunContent, path: Path) -> None:
    """Draws a run as a PNG file, whole or not at all."""
    evaluation, phone = content.evaluation, content.phone
    page = figure(13, 12.5 if phone else 11)
    title = f"{content.name}: {evaluation.verdict}"
    page.suptitle(title, family=font_families(title)[0], parse_math=False)
    heights = [3, 4, 3.6] + ([1.2] if phone else [])
    bands: Any = page.subfigures(len(heights), 1, height_ratios=heights)
    left, right = bands[0].subplots(1, 2)
    plots.curves(left, content.rows, "loss")
    plots.curves(right, content.rows, "accuracy")
    confusion, predictions = bands[1].subplots(1, 2, width_ratios=[4, 5])
    names = drawable_names(evaluation.class_names)
    if isinstance(evaluation, LabelEvaluation):
        plots.label_scores(confusion, evaluation.classes, names)
    else:
        plots.confusion(confusion, evaluation.confusion, names)
    plots.picture(predictions, content.folder / "predictions.png")
    plots.picture(bands[2].subplots(), content.folder / "mistakes.png")
    if phone:
        header, *files = phone.cells()
        plots.table(bands[3].subplots(), header, files)
    save(page, path)
