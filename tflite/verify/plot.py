"""Pictures: accuracy against latency and size, and the images that a file gets wrong."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from .latency import Measurement


def accuracies(report: Path) -> dict[str, float]:
    """The accuracy of each file that a `report.json` names.

    Raises:
        FileNotFoundError: where there is none.
    """
    if not report.is_file():
        raise FileNotFoundError(
            f"Expected {report}, for the accuracies. Received: no such file. "
            "`python -m tflite export` writes it where it knows test images."
        )
    return {file["file"]: file["accuracy"] for file in json.loads(report.read_text())["files"]}


def draw_trade_off(measurements: Sequence["Measurement"], accuracy: Mapping[str, float]) -> bytes:
    """A PNG: each file's accuracy over its latency, and over its size."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    by_latency, by_size = figure.subplots(1, 2, sharey=True)
    for one in measurements:
        if one.file not in accuracy:
            continue
        percent = 100 * accuracy[one.file]
        by_latency.plot(one.median_ms, percent, "o", label=one.file)
        by_size.plot(one.bytes / 1e6, percent, "o")
    by_latency.set(xscale="log", xlabel="median latency, ms", ylabel="top-1, %")
    by_size.set(xscale="log", xlabel="size, MB")
    for axes in (by_latency, by_size):
        axes.margins(0.15)
        axes.grid(alpha=0.3, which="both")
    figure.legend(loc="outside right upper")
    return _png(figure)


class Shown(NamedTuple):
    """One image of a page: pixels, and what is said of them."""

    pixels: np.ndarray
    caption: str


def draw_page(images: Sequence[Shown], title: str) -> bytes:
    """A PNG with images in rows of six."""
    columns = 6
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(2 * columns, 2.6 * rows + 0.4), layout="constrained")
    figure.suptitle(title)
    for axes in (grid := figure.subplots(rows, columns, squeeze=False)).flat:
        axes.axis("off")
    for axes, shown in zip(grid.flat, images, strict=False):
        axes.imshow(shown.pixels)
        axes.set_title(shown.caption, fontsize=8)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()
