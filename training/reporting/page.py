"""A run on one page: curves, confusion matrix, predictions, and the table of its phone files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..run.folder import EVALUATION, HISTORY
from . import plots

# Heading, and how a cell is made of a file's entry in tflite/report.json.
COLUMNS = {
    "file": lambda entry: entry["file"],
    "accuracy": lambda entry: f"{entry['accuracy']:.2%}",
    "same top-1": lambda entry: _if_known(entry.get("agreement"), "{:.2%}"),
    "largest logit difference": lambda entry: _if_known(
        entry.get("max_logit_difference"), "{:.2g}"
    ),
    "kB": lambda entry: _if_known(entry.get("bytes"), "{:.0f}", 1 / 1000),
    "ms an image": lambda entry: _if_known(entry.get("median_ms"), "{:.2f}"),
    "accelerated": lambda entry: {True: "yes", False: "no", None: ""}[entry.get("accelerated")],
}

Table = list[list[str]]


def draw(run: Path) -> Table | None:
    """Draws `report.png` into a run's folder, and returns the table if the run was exported."""
    rows = _read(run / HISTORY)
    evaluation = _read(run / EVALUATION)
    exported = run / "tflite" / "report.json"
    table = phone_table(_read(exported)) if exported.is_file() else None

    names = [entry["class"] for entry in evaluation["classes"]]
    page = plots.figure(13, 12.5 if table else 11)
    low, high = evaluation["top1_interval"]
    page.suptitle(
        f"{run.name}: {evaluation['top1']:.2%} of {evaluation['images']} test images right "
        f"(95 % interval {low:.1%} to {high:.1%})"
    )
    heights = [3, 4, 3.6] + ([1.2] if table else [])
    bands: Any = page.subfigures(len(heights), 1, height_ratios=heights)
    left, right = bands[0].subplots(1, 2)
    plots.curves(left, rows, "loss")
    plots.curves(right, rows, "accuracy")
    confusion, predictions = bands[1].subplots(1, 2, width_ratios=[4, 5])
    plots.confusion(confusion, evaluation["confusion"], names)
    plots.picture(predictions, run / "predictions.png")
    plots.picture(bands[2].subplots(), run / "mistakes.png")
    if table:
        plots.table(bands[3].subplots(), table)
    plots.save(page, run / "report.png")
    return table


def phone_table(report: Mapping[str, Any]) -> Table:
    """Keras' row, then one for each file; the first row is the heading."""
    entries = [{"file": "Keras", **report["keras"]}, *report["files"]]
    return [list(COLUMNS), *([cell(entry) for cell in COLUMNS.values()] for entry in entries)]


def as_text(table: Table) -> str:
    """The table with columns aligned, the first one left and the others right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(_aligned(row, widths) for row in table)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if index else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others])


def _if_known(value: float | None, form: str, scale: float = 1) -> str:
    return "" if value is None else form.format(value * scale)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
