"""Pictures, drawn by Matplotlib without a display: figures, pages of images, PNG files.

Matplotlib and NumPy are imported by the functions: a program that draws nothing does without.
"""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets._common.files import write_bytes
from keras_resnets._common.fonts import font_families

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

COLUMNS = 6  # of a page of images
RESOLUTION = 110  # dots an inch
COMPRESSION = 3  # of PNG, up to 9; a page of photos takes 0.60 s, and with 6, the usual, 0.95


@dataclasses.dataclass(frozen=True)
class Shown:
    """One image of a page.

    Attributes:
        pixels: `(height, width, 3)` uint8.
        caption: Text about it, shown above it.
        colour: The caption's, a name that Matplotlib knows.
    """

    pixels: "np.ndarray[Any, Any]"
    caption: str
    colour: str = "black"


def figure(width: float, height: float) -> "Figure":
    """An empty figure of so many inches, whose parts find their places by themselves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def page(images: Sequence[Shown], title: str) -> "Figure":
    """Images in rows of six under a title, which says where there are none."""
    rows = max(1, -(-len(images) // COLUMNS))
    drawing = figure(1.5 * COLUMNS, 1.75 * rows + 0.4)
    families = font_families("".join([title, *(shown.caption for shown in images)]))[0]
    # A dollar sign in a class name begins no formula.
    text: Any = {"family": families, "parse_math": False}
    drawing.suptitle(title if images else f"{title}: none", **text)
    grid: Any = drawing.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, shown in zip(grid.flat, images, strict=False):
        axes.imshow(shown.pixels)
        axes.set_title(shown.caption, color=shown.colour, fontsize=8, **text)
    return drawing


def png(drawing: "Figure") -> bytes:
    """A figure as the content of a PNG file."""
    stream = io.BytesIO()
    drawing.savefig(
        stream, format="png", dpi=RESOLUTION, pil_kwargs={"compress_level": COMPRESSION}
    )
    return stream.getvalue()


def save(drawing: "Figure", path: Path) -> None:
    """Writes a figure as a PNG file, whole or not at all."""
    write_bytes(path, png(drawing))
