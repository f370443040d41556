"""An explanation as a picture: what the network saw, the heat map, the paths of each block."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnets._common import pictures
from keras_resnets._common.captions import wrapped
from keras_resnets._common.fonts import drawable_names, font_families
from keras_resnets.explain.photo import Explanation
from keras_resnets.explain.pictures import overlay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.4  # of the picture, inches
MOST_TICKS = 8
TITLES = {
    "split": "attention to each split",
    "scale": "each scale's share of the logit",
    "group": "each group's share of the logit",
}


def draw_sheet(explanation: Explanation, path: Path) -> None:
    """Writes an explanation as a PNG file, whole or not at all."""
    (name,) = drawable_names([explanation.class_name], [explanation.class_index])
    title = f"{name} {explanation.probability:.1%}"
    panels = 3 if explanation.shares else 2
    figure = pictures.figure(HEIGHT * panels, HEIGHT)
    saw, heat, *shares = figure.subplots(1, panels)
    _image(saw, explanation.pixels, "what the network saw")
    _image(heat, overlay(explanation.pixels, explanation.heat), f"seen by {explanation.layer}")
    for axes in shares:
        _matrix(axes, explanation.shares, explanation.paths or "")
    # A dollar sign in a class name begins no formula.
    families = font_families(title)[0]
    title = wrapped(title, pictures.fits(families, HEIGHT * panels, pictures.TITLE))
    figure.suptitle(title, fontsize=pictures.TITLE, family=families, parse_math=False)
    pictures.save(figure, path)


def _image(axes: "Axes", pixels: np.ndarray, title: str) -> None:
    axes.imshow(pixels)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def _matrix(axes: "Axes", shares: Mapping[str, np.ndarray], kind: str) -> None:
    """A row a block, a column a path. Blocks of different shape leave cells empty."""
    most = max(map(len, shares.values()))
    cells = np.full((len(shares), most), np.nan)
    for row, values in zip(cells, shares.values(), strict=True):
        row[: len(values)] = values
    colours: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1}
    if kind != "split":
        limit = float(np.nanmax(np.abs(cells))) or 1.0
        colours = {"cmap": "coolwarm", "vmin": -limit, "vmax": limit}
    drawn = axes.imshow(cells, aspect="auto", interpolation="nearest", **colours)
    axes.set_yticks(range(len(shares)), list(shares), fontsize=8 if len(shares) < 20 else 4)
    ticks = np.unique(np.linspace(0, most - 1, min(most, MOST_TICKS)).astype(int))
    axes.set_xticks(ticks, [str(tick + 1) for tick in ticks], fontsize=8)
    axes.set_title(TITLES[kind], fontsize=9)
    axes.figure.colorbar(drawn, ax=axes)
