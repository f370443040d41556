"""`keras-resnets explain`, and the picture that it draws."""

import re
import shutil

import numpy as np
import pytest
from networks import randomise, small
from PIL import Image

from keras_resnets._common import fonts
from keras_resnets.card import Card
from keras_resnets.cli import main
from keras_resnets.commands.explain import _class_index
from keras_resnets.errors import UserError
from keras_resnets.explain import overlay
from keras_resnets.preprocessing import Preprocessing

# A machine may have none with Korean characters: a test below makes it so, and reads the warning.
any_fonts = pytest.mark.filterwarnings("ignore:No font of this machine")
NAMES = ("cat", "søt hest", "강아지 $x$")


def make_run(path, model):
    path.mkdir()
    model.save(path / "best.keras")
    Card(path.name, NAMES, Preprocessing(64, 0.9)).save(path / "best.keras")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs of three classes, one a kind of paths, with logits as training has them."""
    folder, rng = tmp_path_factory.mktemp("runs"), np.random.default_rng(0)
    models = {
        "ResNeSt": small("ResNeSt", classes=3, classifier_activation=None),
        "Res2Net": small("Res2Net", classes=3, classifier_activation=None),
        "ReXNet": small("ReXNet", classes=3, classifier_activation=None),
        "wide": small("ResNeXt", cardinality=16, width=4, classes=3),
    }
    for name, model in models.items():
        make_run(folder / name, randomise(model, rng))
    return folder


@pytest.fixture
def folder(runs, tmp_path, rng, monkeypatch):
    """The runs beside two photos, in a folder with spaces and an accent."""
    here = tmp_path / "mes é photos"
    shutil.copytree(runs, here)
    monkeypatch.chdir(here)
    Image.fromarray(rng.integers(0, 256, (90, 70, 3), "uint8")).save("a b.jpg")
    Image.fromarray(rng.integers(0, 256, (64, 80), "uint8")).save("grey.png")
    return here


@any_fonts
def test_each_photo_gets_a_picture_and_a_table(folder, capsys):
    assert main(["explain", "ResNeSt", "a b.jpg", "grey.png", "--class", "søt hest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == ["a b.jpg", "grey.png"]
    assert re.fullmatch(r"  +\d+\.\d\d%  søt hest( \(not what is predicted\))?", lines[1])
    assert lines[2] == "  a b.explained.png"
    assert "  block          split 1  split 2" in lines
    rows = [line.split() for line in lines if "_block" in line]
    assert [row[0] for row in rows] == 2 * ["stage1_block1", "stage2_block2"]
    for row in rows:
        assert sum(float(cell.rstrip("%")) for cell in row[1:]) == pytest.approx(100, abs=0.11)
    assert {p.name for p in folder.glob("*explained*")} == {
        "a b.explained.png",
        "grey.explained.png",
    }
    with Image.open("a b.explained.png") as picture:
        assert picture.width > 2.5 * picture.height

    assert main(["explain", "ResNeSt", "grey.png"]) == 2
    assert "grey.explained.png. Overwrite them with --force" in capsys.readouterr().err
    (folder / "class").mkdir()
    elsewhere = shutil.move("grey.png", "class/grey.png")  # where training would find its picture
    assert main(["explain", "ResNeSt", elsewhere, "--blocks", "--layer", "stem", "--force"]) == 0
    assert [path.name for path in (folder / "class").iterdir()] == ["grey.png"]
    assert capsys.readouterr().out.count("_block") == 3


@any_fonts
def test_scales_have_a_sign_and_rexnet_no_paths(folder, capsys):
    assert main(["explain", "Res2Net/best.keras", "grey.png", "--out", "neu/é"]) == 0
    (row, _) = (line.split() for line in capsys.readouterr().out.splitlines() if "_block" in line)
    assert len(row) == 5
    assert sum(abs(float(cell.rstrip("%"))) for cell in row[1:]) == pytest.approx(100, abs=0.3)
    assert (folder / "neu" / "é" / "grey.explained.png").is_file()
    assert main(["explain", "ReXNet", "grey.png", "--class", "2", "--layer", "stage2"]) == 0
    output = capsys.readouterr().out
    assert "강아지 $x$" in output
    assert "_block" not in output


def test_many_groups_are_told_by_the_strongest(folder, capsys):
    assert main(["explain", "wide", "grey.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  block          strongest groups of 16" in lines
    (row, _) = (re.findall(r"(\d+): ([+-][\d.]+)%", line) for line in lines if "_block" in line)
    assert len({group for group, _ in row}) == 5
    shares = [abs(float(share)) for _, share in row]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Res2Net", "grey.png", "--class", "cad"], "'cad'. Did you mean 'cat'"),
        (["Res2Net", "grey.png", "--class", "3"], "its number from 0 to 2. Received: '3'"),
        (["Res2Net", "grey.png", "--layer", "stage9"], "Received: 'stage9'"),
        (["Res2Nett", "grey.png"], "Res2Nett"),
        (["Res2Net", "grey.png", "sub/grey.jpg"], "Received: several for o/grey.explained.png"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(folder, arguments, message, capsys):
    assert main(["explain", *arguments, "--output", "o"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert message in output.err
    assert not list(folder.rglob("*explained*"))


def test_a_name_that_two_classes_have_must_be_a_number(folder, capsys):
    Card("Res2Net", ("crane", "cat", "crane"), Preprocessing(64)).save(
        folder / "Res2Net/best.keras"
    )
    assert main(["explain", "Res2Net", "grey.png", "--class", "crane"]) == 2
    assert "the name of the classes [0, 2]. Give the number" in capsys.readouterr().err


def test_a_thousand_classes_are_not_listed():
    names = [f"class {index:03d}" for index in range(1000)]
    with pytest.raises(UserError, match=r"class 000, .*, class 059 and 940 more\.$"):
        _class_index("zzz", names)


def test_a_card_of_another_size_is_refused(folder, capsys):
    Card("Res2Net", NAMES, Preprocessing(32)).save(folder / "Res2Net/best.keras")
    assert main(["explain", "Res2Net", "grey.png"]) == 2
    assert "images of 64x64 pixels, as Res2Net/best.keras takes them. Received: 32x32" in (
        capsys.readouterr().err
    )


def test_broken_photos_are_named_and_the_others_explained(folder, capsys):
    (folder / "broken.jpg").write_text("no photo")
    assert main(["explain", "Res2Net", "broken.jpg", "nowhere/x.png", "grey.png"]) == 2
    output = capsys.readouterr()
    assert output.out.splitlines()[0] == "grey.png"
    assert [line.split(": ")[1] for line in output.err.splitlines()] == [
        "broken.jpg",
        "nowhere/x.png",
    ]
    assert not (folder / "nowhere").exists()
    assert (folder / "grey.explained.png").is_file()


@pytest.mark.filterwarnings("default:No font")
def test_a_class_that_no_font_has_is_called_by_its_number(folder, capsys, monkeypatch):
    monkeypatch.setattr(fonts, "_system_fonts", lambda: iter(()))
    assert main(["explain", "Res2Net", "grey.png", "--class", "2"]) == 0
    output = capsys.readouterr()
    assert output.err.startswith("warning: No font of this machine has the characters '강아지'")
    assert "pictures say 'class 2' for" in output.err
    assert "강아지 $x$" in output.out


def test_the_overlay_hides_the_hottest_the_most():
    pixels = np.full((1, 3, 3), 100, "uint8")
    drawn = overlay(pixels, np.array([[0.0, 0.5, 1.0]]))
    np.testing.assert_array_equal(drawn[0, 0], 100)
    np.testing.assert_allclose(drawn[0, 2], 30 + 0.7 * np.array([252, 255, 164]), atol=0.51)
    # Halfway between the third and the fourth colour, at half the opacity.
    middle = np.array([184, 59.5, 80.5])
    np.testing.assert_allclose(drawn[0, 1], 100 * 0.65 + 0.35 * middle, atol=0.51)


@pytest.mark.parametrize(
    ("pixels", "heat"),
    [
        (np.zeros((2, 2, 3)), np.zeros((2, 2))),
        (np.zeros((2, 2), "uint8"), np.zeros((2, 2))),
        (np.zeros((2, 2, 3), "uint8"), np.zeros((2, 3))),
    ],
)
def test_an_overlay_wants_a_map_of_the_image(pixels, heat):
    with pytest.raises(ValueError, match="Expected .* Received: "):
        overlay(pixels, heat)
