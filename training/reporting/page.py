"""A run on one page: curves, confusion matrix, predictions, and the table of its phone files."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from keras_resnets._common.pictures import figure, save

from ..run.folder import EVALUATION, read_rows
from . import plots
from .metrics import Evaluation

Entry = Mapping[str, Any]

# Heading, and how a cell is made of a file's entry in tflite/report.json.
COLUMNS: Mapping[str, Callable[[Entry], str]] = {
    "file": lambda entry: str(entry["file"]),
    "accuracy": lambda entry: f"{entry['accuracy']:.2%}",
    "same top-1": lambda entry: _if_known(entry.get("agreement"), "{:.2%}"),
    "largest logit difference": lambda entry: _if_known(
        entry.get("max_logit_difference"), "{:.2g}"
    ),
    "kB": lambda entry: _if_known(entry.get("bytes"), "{:.0f}", 1 / 1000),
    "ms an image": lambda entry: _if_known(entry.get("median_ms"), "{:.2f}"),
    "accelerated": lambda entry: {True: "yes", False: "no", None: ""}[entry.get("accelerated")],
}


def draw(run: Path) -> list[list[str]]:
    """Draws `report.png` into a run's folder, and returns the rows of its phone files, if any."""
    rows = read_rows(run)
    evaluation = Evaluation.load(run / EVALUATION)
    exported = run / "tflite" / "report.json"
    files = phone_rows(_read(exported)) if exported.is_file() else []

    page = figure(13, 12.5 if files else 11)
    page.suptitle(f"{run.name}: {evaluation.verdict}", parse_math=False)
    heights = [3, 4, 3.6] + ([1.2] if files else [])
    bands: Any = page.subfigures(len(heights), 1, height_ratios=heights)
    left, right = bands[0].subplots(1, 2)
    plots.curves(left, rows, "loss")
    plots.curves(right, rows, "accuracy")
    confusion, predictions = bands[1].subplots(1, 2, width_ratios=[4, 5])
    plots.confusion(confusion, evaluation.confusion, evaluation.class_names)
    plots.picture(predictions, run / "predictions.png")
    plots.picture(bands[2].subplots(), run / "mistakes.png")
    if files:
        plots.table(bands[3].subplots(), list(COLUMNS), files)
    save(page, run / "report.png")
    return files


def phone_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """Keras' row, then one for each file, in the order of `COLUMNS`."""
    entries = [{"file": "Keras", **report["keras"]}, *report["files"]]
    return [[cell(entry) for cell in COLUMNS.values()] for entry in entries]


def _if_known(value: float | None, form: str, scale: float = 1) -> str:
    return "" if value is None else form.format(value * scale)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
