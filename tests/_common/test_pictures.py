"""Pages of images, as files that open."""

import itertools
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_resnets._common.pictures import Shown, page, save


def test_a_page_holds_every_image_in_rows_of_six(tmp_path):
    images = [Shown(np.full((8, 8, 3), 200, "uint8"), f"class {i}") for i in range(7)]
    save(page(images, "Seven"), tmp_path / "seven.png")
    save(page(images[:6], "Six"), tmp_path / "six.png")
    with Image.open(tmp_path / "seven.png") as seven, Image.open(tmp_path / "six.png") as six:
        assert seven.width == six.width
        assert seven.height > 1.5 * six.height


def test_a_page_without_images_says_so():
    assert page([], "Mistakes").get_suptitle() == "Mistakes: none"


def test_a_dollar_sign_in_a_name_begins_no_formula(tmp_path):
    image = Shown(np.zeros((4, 4, 3), "uint8"), "$5 and $\\frac")
    save(page([image], "$1 and $2"), tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 1000


NAMES = ("ReXNet100.int8.tflite: Siberian husky 0.52", "n02110185_Siberian_husky " * 12, "犬" * 60)


@pytest.mark.parametrize("name", NAMES)
def test_a_long_caption_stays_above_its_image(name):
    images = [Shown(np.zeros((8, 8, 3), "uint8"), f"{name}\nis cat") for _ in range(6)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # on a bare machine
        drawing = page(images, f"{name}: 7 of 9")
        drawing.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in drawing.axes]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
    assert all(1 < axes.title.get_text().count("\n") < 6 for axes in drawing.axes)
    heading = drawing.texts[0].get_window_extent()
    assert 0 < heading.x0 < heading.x1 < drawing.bbox.x1


def test_a_short_caption_stays_as_it_is():
    drawing = page([Shown(np.zeros((8, 8, 3), "uint8"), "cat 98%\nis dog")], "Predictions")
    assert drawing.axes[0].title.get_text() == "cat 98%\nis dog"
