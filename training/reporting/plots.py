"""Pictures of a run, drawn by Matplotlib without a display."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import image
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from keras_resnets._common.files import written_aside

COLUMNS = 6  # of a page of images
MOST_NUMBERS = 20  # classes up to which a confusion matrix has its counts written in

Caption = tuple[str, str]  # text and colour


def figure(width: float, height: float) -> Figure:
    drawing = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def save(drawing: Figure, path: Path) -> None:
    with written_aside(path) as aside:
        drawing.savefig(aside, dpi=110)


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    drawing = figure(10, 3.6)
    left, right = drawing.subplots(1, 2)
    curves(left, rows, "loss")
    curves(right, rows, "accuracy")
    save(drawing, path)


def draw_comparison(histories: Mapping[str, Sequence[Mapping[str, float]]], path: Path) -> None:
    """Validation loss and accuracy of several runs, training dashed."""
    drawing = figure(12, 4.5)
    for axes, quantity in zip(drawing.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for index, (name, rows) in enumerate(histories.items()):
            epochs = [row["epoch"] for row in rows]
            colour = f"C{index}"
            axes.plot(epochs, [row[quantity] for row in rows], "--", color=colour, alpha=0.5)
            axes.plot(
                epochs, [row[f"validation_{quantity}"] for row in rows], color=colour, label=name
            )
        axes.set(xlabel="epoch", title=f"{quantity} (dashed: training)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    save(drawing, path)


def curves(axes: Axes, rows: Sequence[Mapping[str, float]], quantity: str) -> None:
    """A quantity of training and of validation over the epochs."""
    epochs = [row["epoch"] for row in rows]
    for label, key in (("training", quantity), ("validation", f"validation_{quantity}")):
        axes.plot(epochs, [row[key] for row in rows], marker=".", label=label)
    axes.set(xlabel="epoch", title=quantity)
    axes.grid(alpha=0.3)
    axes.legend()


def draw_confusion(matrix: Sequence[Sequence[int]], names: Sequence[str], path: Path) -> None:
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
    axes.set_xticks(ticks, names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(ticks, names)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)


def caption(names: Sequence[str], predicted: int, label: int, confidence: float) -> Caption:
    """Green for right, red with the true class for wrong."""
    if predicted == label:
        return f"{names[predicted]} {confidence:.0%}", "darkgreen"
    return f"{names[predicted]} {confidence:.0%}\nis {names[label]}", "firebrick"


def draw_page(
    images: Sequence[np.ndarray], captions: Sequence[Caption], title: str, path: Path
) -> None:
    """A page of images; without any, a page that says so."""
    rows = max(1, -(-len(images) // COLUMNS))
    drawing = figure(1.5 * COLUMNS, 1.75 * rows + 0.4)
    drawing.suptitle(title if images else f"{title}: none")
    grid: Any = drawing.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pixels, (text, colour) in zip(grid.flat, images, captions, strict=False):
        axes.imshow(pixels)
        axes.set_title(text, color=colour, fontsize=8)
    save(drawing, path)


def picture(axes: Axes, path: Path) -> None:
    """Shows an image file."""
    axes.imshow(image.imread(path))
    axes.axis("off")


def table(axes: Axes, cells: Sequence[Sequence[str]]) -> None:
    """A table whose first row is its heading."""
    axes.axis("off")
    drawn = axes.table([list(row) for row in cells[1:]], colLabels=list(cells[0]), loc="center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    drawn.auto_set_column_width(list(range(len(cells[0]))))
    drawn.scale(1, 1.4)
