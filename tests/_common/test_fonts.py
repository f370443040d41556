"""Fonts for every script, looked for among files that Matplotlib does not know."""

import shutil
from pathlib import Path

import matplotlib
import pytest

from keras_resnets._common import fonts
from keras_resnets._common.fonts import drawable_names, font_families

OWN = Path(matplotlib.get_data_path(), "fonts", "ttf")


@pytest.mark.parametrize("text", ["søt hest", "кот", "γάτα", "", "a b\tc"])
def test_matplotlibs_own_font_is_enough_where_it_is(text):
    assert font_families(text) == (["DejaVu Sans"], "")


def test_a_font_is_chosen_by_its_characters(monkeypatch, tmp_path):
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    # What Matplotlib's font of text lacks and that of formulas has.
    letter = "\N{SCRIPT SMALL G}"
    formulas = shutil.copy(OWN / "STIXGeneral.ttf", tmp_path)
    files = [str(tmp_path / "broken.ttf"), str(OWN / "DejaVuSansMono.ttf"), str(formulas)]
    monkeypatch.setattr(fonts, "_system_fonts", lambda: iter(files))
    known = matplotlib.font_manager.fontManager.ttflist
    monkeypatch.setattr(matplotlib.font_manager.fontManager, "ttflist", list(known))
    families, missing = font_families(f"a{letter}\U0010fffd")
    assert families == ["DejaVu Sans", "STIXGeneral"]
    assert missing == "\U0010fffd"


def test_a_class_that_no_font_has_is_called_by_its_number(monkeypatch):
    monkeypatch.setattr(fonts, "_system_fonts", lambda: iter(()))
    with pytest.warns(
        UserWarning, match="characters '犬猫': pictures say 'class 1', 'class 3' for"
    ):
        assert drawable_names(["cat", "猫", "dog", "a 犬"]) == ("cat", "class 1", "dog", "class 3")
    with pytest.warns(UserWarning, match="'class 7'"):
        assert drawable_names(["猫"], [7]) == ("class 7",)
    assert drawable_names([]) == ()


def test_one_that_draws_squares_for_everything_is_none(monkeypatch):
    (squares,) = OWN.glob("LastResort*")
    monkeypatch.setattr(fonts, "_system_fonts", lambda: iter([str(squares)]))
    assert font_families("猫") == (["DejaVu Sans"], "猫")
