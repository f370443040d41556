"""show, evaluate and compare, as a user calls them, in this process."""

import json

import pytest
from PIL import Image

from training.cli import main


def test_show_draws_a_page(tiny_recipe, tmp_path, capsys):
    page = tmp_path / "page.png"
    assert main(["show", "--recipe", str(tiny_recipe), "--out", str(page), "--count", "12"]) == 0
    with Image.open(page) as image:
        assert image.size[0] > 500
    assert f"Drawn: {page}" in capsys.readouterr().out


def test_evaluate_agrees_with_the_run(finished, tmp_path, capsys):
    run, _ = finished
    out = tmp_path / "numbers.json"
    assert main(["evaluate", "--model", str(run), "--out", str(out)]) == 0
    found, expected = (json.loads(path.read_text()) for path in (out, run / "evaluation.json"))
    assert found["confusion"] == expected["confusion"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    printed = capsys.readouterr().out
    assert "top1" in printed
    assert "calibration error" in printed
    assert "cohen kappa" in printed
    assert "recall" in printed
    assert "\ngreen " in printed


def test_evaluate_refuses_other_classes(finished, tmp_path, capsys):
    for name in ("a", "b"):
        (tmp_path / "two" / name).mkdir(parents=True)
        for index in range(4):
            colour = (60 * index, 200, 0) if name == "a" else (0, 60 * index, 255)
            Image.new("RGB", (16, 16), colour).save(tmp_path / "two" / name / f"{index}.png")
    code = main(["evaluate", "--model", str(finished[0]), "--data", str(tmp_path / "two")])
    assert code == 2
    assert "Expected images of the 3 classes" in capsys.readouterr().err


def test_compare_lists_and_draws(finished, tmp_path, capsys):
    run, _ = finished
    page = tmp_path / "compare.png"
    assert main(["compare", str(run), str(run), "--out", str(page)]) == 0
    assert page.stat().st_size > 5000
    assert str(run) in capsys.readouterr().out


def test_compare_refuses_what_is_no_run(tmp_path, capsys):
    assert main(["compare", str(tmp_path)]) == 2
    assert "Expected run folders" in capsys.readouterr().err
