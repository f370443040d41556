"""A run on one page: curves, confusion matrix, predictions, and the table of its phone files."""

from pathlib import Path
from typing import Any

from keras_resnets._common.fonts import drawable_names, font_families
from keras_resnets._common.phone_report import REPORT, PhoneReport
from keras_resnets._common.pictures import figure, save

from ..run.folder import EVALUATION, read_rows
from . import plots
from .label_metrics import LabelEvaluation, load


def draw(run: Path) -> PhoneReport | None:
    """Draws `report.png` into a run's folder, and returns how its phone files compare, if any."""
    rows = read_rows(run)
    evaluation = load(run / EVALUATION)
    exported = run / "tflite" / REPORT
    phone = PhoneReport.load(exported) if exported.is_file() else None

    page = figure(13, 12.5 if phone else 11)
    title = f"{run.name}: {evaluation.verdict}"
    page.suptitle(title, family=font_families(title)[0], parse_math=False)
    heights = [3, 4, 3.6] + ([1.2] if phone else [])
    bands: Any = page.subfigures(len(heights), 1, height_ratios=heights)
    left, right = bands[0].subplots(1, 2)
    plots.curves(left, rows, "loss")
    plots.curves(right, rows, "accuracy")
    confusion, predictions = bands[1].subplots(1, 2, width_ratios=[4, 5])
    names = drawable_names(evaluation.class_names)
    if isinstance(evaluation, LabelEvaluation):
        plots.label_scores(confusion, evaluation.classes, names)
    else:
        plots.confusion(confusion, evaluation.confusion, names)
    plots.picture(predictions, run / "predictions.png")
    plots.picture(bands[2].subplots(), run / "mistakes.png")
    if phone:
        header, *files = phone.cells()
        plots.table(bands[3].subplots(), header, files)
    save(page, run / "report.png")
    return phone
