"""What there is to draw of a run: curves, a confusion matrix, a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import image
from matplotlib.axes import Axes

from keras_resnets._common.captions import shortened
from keras_resnets._common.fonts import font_families
from keras_resnets._common.pictures import Shown, figure, save

from .label_metrics import LabelScore

if TYPE_CHECKING:
    from ..rate_finder import RangeFound

MOST_NUMBERS = 20  # classes up to which a confusion matrix has its counts written in

MOST_BARS = 70  # labels on a page, the worst of all
MOST_LABELS = 3  # above an image

Row = Mapping[str, float]


def draw_curves(rows: Sequence[Row], path: Path) -> None:
    """Loss and accuracy of training and of validation, side by side."""
    drawing = figure(10, 3.6)
    left, right = drawing.subplots(1, 2)
    curves(left, rows, "loss")
    curves(right, rows, "accuracy")
    save(drawing, path)


def draw_range(found: "RangeFound", path: Path) -> None:
    """The loss over the learning rate, its moving average, and the rate that is suggested."""
    drawing = figure(7, 4.2)
    axes = drawing.subplots()
    axes.semilogx(found.rates, found.losses, color="C0", alpha=0.3, label="each step")
    axes.semilogx(found.rates, found.smoothed, color="C0", label="moving average")
    axes.axvline(found.least, color="grey", linestyle=":", label=f"least at {found.least:.2g}")
    if found.suggestion is not None:
        suggested = f"suggested: {found.suggestion:.2g}"
        axes.axvline(found.suggestion, color="C1", linestyle="--", label=suggested)
    # What diverges at the end would press the rest into a line.
    low, high = float(found.smoothed.min()), float(found.smoothed[0])
    axes.set_ylim(low - 0.1 * abs(low), low + 2 * max(high - low, 0.1 * abs(low)))
    axes.set(xlabel="learning rate", ylabel="loss", title="learning rate range test")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save(drawing, path)


def draw_comparison(histories: Mapping[str, Sequence[Row]], path: Path) -> None:
    """Validation loss and accuracy of several runs, training dashed."""
    drawing = figure(12, 4.5)
    for axes, quantity in zip(drawing.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for index, (name, rows) in enumerate(histories.items()):
            epochs = [row["epoch"] for row in rows]
            colour = f"C{index}"
            axes.plot(epochs, [row[quantity] for row in rows], "--", color=colour, alpha=0.5)
            axes.plot(
                epochs,
                [row[f"validation_{quantity}"] for row in rows],
                color=colour,
                label=shortened(name),
            )
        axes.set(xlabel="epoch", title=f"{quantity} (dashed: training)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    save(drawing, path)


def curves(axes: Axes, rows: Sequence[Row], quantity: str) -> None:
    """A quantity of training and of validation over the epochs."""
    epochs = [row["epoch"] for row in rows]
    for label, key in (("training", quantity), ("validation", f"validation_{quantity}")):
        axes.plot(epochs, [row[key] for row in rows], marker=".", label=label)
    axes.set(xlabel=f"epoch{'' if epochs[0] else ' (0: the classifier alone)'}", title=quantity)
    axes.grid(alpha=0.3)
    axes.legend()


def draw_confusion(matrix: Sequence[Sequence[int]], names: Sequence[str], path: Path) -> None:
    """A confusion matrix on a page of its own."""
    side = min(4 + 0.3 * len(names), 24)
    drawing = figure(side, side)
    confusion(drawing.subplots(), matrix, names)
    save(drawing, path)


def confusion(axes: Axes, matrix: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Rows are true classes, columns predictions; the shade is the share of the row."""
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title="confusion matrix")
    if len(names) > MOST_NUMBERS:
        return
    ticks = range(len(names))
    names = [shortened(name) for name in names]
    text: Any = {"family": font_families("".join(names))[0], "parse_math": False}
    axes.set_xticks(ticks, names, rotation=90 if max(map(len, names)) > 2 else 0, **text)
    axes.set_yticks(ticks, names, **text)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def prediction(
    pixels: np.ndarray[Any, Any],
    names: Sequence[str],
    predicted: int,
    label: int,
    confidence: float,
) -> Shown:
    """An image with what it was taken for: green for right, red with the true class for wrong."""
    if predicted == label:
        return Shown(pixels, f"{names[predicted]} {confidence:.0%}", "darkgreen")
    return Shown(pixels, f"{names[predicted]} {confidence:.0%}\nis {names[label]}", "firebrick")


def draw_label_scores(scores: Sequence[LabelScore], names: Sequence[str], path: Path) -> None:
    """Average precision and F1 of each label, the worst label first, on a page of its own."""
    drawing = figure(8, min(2 + 0.3 * len(scores), 24))
    label_scores(drawing.subplots(), scores, names)
    save(drawing, path)


def label_scores(axes: Axes, scores: Sequence[LabelScore], names: Sequence[str]) -> None:
    """Bars of average precision and F1 of each label, the worst label at the top."""
    measured = [
        (score.average_precision, score.f1, name)
        for score, name in zip(scores, names, strict=True)
        if score.average_precision is not None
    ]
    ranked = sorted(measured, key=lambda entry: -entry[0])[-MOST_BARS:]
    places = np.arange(len(ranked))
    axes.barh(places + 0.2, [area for area, _, _ in ranked], 0.4, label="average precision")
    axes.barh(places - 0.2, [f1 for _, f1, _ in ranked], 0.4, label="F1")
    axes.set(xlim=(0, 1), title="labels", ylim=(-1, len(ranked)))
    texts = [shortened(name) for _, _, name in ranked]
    style: Any = {"family": font_families("".join(texts))[0], "parse_math": False}
    axes.set_yticks(places, texts, **style)
    axes.grid(alpha=0.3, axis="x")
    axes.legend(fontsize=8, loc="lower left")


def labels(
    pixels: np.ndarray[Any, Any],
    names: Sequence[str],
    given: Sequence[bool] | np.ndarray[Any, Any],
    truth: Sequence[bool] | np.ndarray[Any, Any],
) -> Shown:
    """An image with the labels it was given: green where all are right, red with the true ones else."""
    if np.array_equal(given, truth):
        return Shown(pixels, _listed(names, given), "darkgreen")
    return Shown(pixels, f"{_listed(names, given)}\nis {_listed(names, truth)}", "firebrick")


def _listed(names: Sequence[str], holds: Sequence[bool] | np.ndarray[Any, Any]) -> str:
    found = [name for name, held in zip(names, holds, strict=True) if held]
    more = f" +{len(found) - MOST_LABELS}" if len(found) > MOST_LABELS else ""
    return ", ".join(found[:MOST_LABELS]) + more or "none"


def picture(axes: Axes, path: Path) -> None:
    """Shows an image file."""
    axes.imshow(image.imread(path))
    axes.axis("off")


def table(axes: Axes, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table under its heading."""
    axes.axis("off")
    drawn = axes.table([list(row) for row in rows], colLabels=list(header), loc="center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.auto_set_column_width(list(range(len(header))))
    drawn.scale(1, 1.4)
