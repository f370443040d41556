"""Pictures, drawn by Matplotlib without a display: figures, pages of images, PNG files.

Matplotlib and NumPy are imported by the functions: a program that draws nothing does without.
"""

import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets._common.captions import wrapped
from keras_resnets._common.files import write_bytes
from keras_resnets._common.fonts import font_families

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

COLUMNS = 6  # of a page of images
SIDE = 1.5  # inches of an image
MARGIN = 0.95  # of that, which a line of its caption may take
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
    drawing = figure(SIDE * COLUMNS, (SIDE + 0.25) * rows + 0.4)
    families = font_families("".join([title, *(shown.caption for shown in images)]))[0]
    # A dollar sign in a class name begins no formula.
    text: Any = {"family": families, "parse_math": False}
    title = title if images else f"{title}: none"
    drawing.suptitle(wrapped(title, _fits(drawing, families, SIDE * COLUMNS, 12)), **text)
    grid: Any = drawing.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    fits = _fits(drawing, families, SIDE, 8)
    for axes, shown in zip(grid.flat, images, strict=False):
        axes.imshow(shown.pixels)
        axes.set_title(wrapped(shown.caption, fits), color=shown.colour, fontsize=8, **text)
    return drawing


def _fits(
    drawing: "Figure", families: Sequence[str], width: float, fontsize: float
) -> Callable[[str], bool]:
    """Whether a line is no wider than so many inches of a figure, less a margin."""
    from matplotlib.font_manager import FontProperties

    renderer = drawing.canvas.get_renderer()  # type: ignore[attr-defined]  # Agg's
    font = FontProperties(family=families, size=fontsize)

    def fits(line: str) -> bool:
        across, _, _ = renderer.get_text_width_height_descent(line, font, ismath=False)
        return bool(across < MARGIN * width * drawing.dpi)

    return fits


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
