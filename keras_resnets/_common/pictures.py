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
RESOLUTION = 110  # dots an inch
SHOWN_SIDE = round(SIDE * RESOLUTION)  # pixels of an image
TITLE, CAPTION = 12, 8  # points of their letters
MARGIN = 0.95  # of a width, which a line may take
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

    drawing = Figure(figsize=(width, height), dpi=RESOLUTION, layout="constrained")
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
    title = wrapped(title, fits(families, SIDE * COLUMNS, TITLE))
    drawing.suptitle(title, fontsize=TITLE, **text)
    grid: Any = drawing.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    is_narrow = fits(families, SIDE, CAPTION)
    for axes, shown in zip(grid.flat, images, strict=False):
        axes.imshow(shown.pixels)
        caption = wrapped(shown.caption, is_narrow)
        axes.set_title(caption, color=shown.colour, fontsize=CAPTION, **text)
    return drawing


def fits(families: Sequence[str], width: float, points: float) -> Callable[[str], bool]:
    """Function of a line that says whether it is no wider than so many inches, less a margin.

    Args:
        families: Families of fonts, as `keras_resnets._common.fonts.font_families` gives them.
        width: Width in inches.
        points: Size of the letters.
    """
    from matplotlib.backends import backend_agg
    from matplotlib.font_manager import FontProperties

    untyped: Any = backend_agg
    renderer = untyped.RendererAgg(1, 1, RESOLUTION)  # which measures and draws nothing
    font = FontProperties(family=families, size=points)

    def is_narrow(line: str) -> bool:
        across, _, _ = renderer.get_text_width_height_descent(line, font, ismath=False)
        return bool(across < MARGIN * width * RESOLUTION)

    return is_narrow


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
