"""Pages of images, as files that open."""

import numpy as np
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
