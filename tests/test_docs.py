"""The site: its notebooks and pages run, its generated pages say what the code says."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_resnets
from keras_resnets.cli import COMMANDS

DOCS = Path(__file__).parent.parent / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


@pytest.fixture
def pages(monkeypatch):
    """The extension that makes pages from the code."""
    monkeypatch.syspath_prepend(str(DOCS))
    import pages

    yield pages
    for name in [name for name in sys.modules if name.split(".")[0] == "pages"]:
        del sys.modules[name]


def cells(path):
    """The code of a notebook, or of a page's cells and Python blocks, from top to bottom."""
    text = path.read_text("utf-8")
    if path.suffix == ".ipynb":
        return [
            "".join(cell["source"])
            for cell in json.loads(text)["cells"]
            if cell["cell_type"] == "code"
        ]
    return re.findall(
        r"^```(?:python|\{code-cell\} ipython3)\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_keeps_no_output(path):
    saved = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(not c["outputs"] and c["execution_count"] is None for c in saved)
    names: dict = {"__name__": "notebook"}
    for cell in cells(path):
        exec(compile(cell, path.name, "exec"), names)


@pytest.mark.parametrize(
    "path",
    # That of python.md asks for published weights: tests/test_readme.py runs it without.
    [path for path in sorted(DOCS.glob("*.md")) if cells(path) and path.stem != "python"],
    ids=lambda path: path.stem,
)
def test_the_python_of_a_page_runs(path, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    photo = np.full((120, 160, 3), 90, "uint8")
    for place in ("photos/cat", "photos/dog", "new photos/dog", "."):
        Path(place).mkdir(parents=True, exist_ok=True)
        for index in range(10):
            Image.fromarray(photo + np.uint8(index)).save(Path(place) / f"{index}.png")
    Image.fromarray(photo).save("photo.jpg")
    model = keras_resnets.ResNeXt(
        depths=(1, 1, 1, 1), planes=16, classes=4, input_shape=(64, 64, 3)
    )
    Path("runs/pets").mkdir(parents=True)
    model.save("runs/pets/best.keras")
    keras_resnets.Card("ResNeXt", tuple("abcd"), keras_resnets.Preprocessing(size=64)).save(
        "runs/pets/best.keras"
    )
    names: dict = {}
    for cell in cells(path):
        exec(compile(cell, path.name, "exec"), names)


def test_the_table_names_every_network_once(pages):
    rows = pages.models.rows()
    assert [row[0] for row in rows] == keras_resnets.list_models()
    assert all(len(row) == len(pages.models.HEADER) for row in rows)
    by_name = {row[0]: row for row in rows}
    assert by_name["ResNeXt50"][1:4] == ("ResNeXt", "25028904", "4.23")
    assert pages.models.csv().count("\n") == len(rows) + 1


def test_every_command_is_there_with_its_options(pages):
    text = pages.commands.page()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(COMMANDS)
    assert "| `--quantize FORMAT` |" in text


def test_the_reference_has_every_public_name(pages):
    text = pages.reference.page()
    for name in ("Card", "open_model", "ReXNet", "ResNeXt50", "deploy"):
        assert f":: keras_resnets.{name}\n" in text
    assert "ResNeXt101_64x4d" not in text


def test_the_diagrams_are_what_the_code_draws(pages):
    from pages import diagrams

    for name, (make, shape) in diagrams.DIAGRAMS.items():
        drawn = diagrams.drawn(diagrams.graph(make(), shape))
        stored = (diagrams.FOLDER / f"{name}.svg").read_text("utf-8")
        assert drawn == stored, f"python docs/pages/diagrams.py draws {name}.svg anew"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_includes_is_there(path):
    """From one text to another behind it, each of which its source has once."""
    directive = r"^```\{include\} (.+)\n:start-after: \"(.+)\"\n:end-before: \"(.+)\"\n```"
    for source, start, end in re.findall(directive, path.read_text("utf-8"), re.MULTILINE):
        text = (path.parent / source).read_text("utf-8")
        assert text.count(start) == text.count(end) == 1
        assert text.index(start) < text.index(end)


def test_every_page_is_in_the_site():
    index = (DOCS / "index.md").read_text("utf-8")
    listed = set(re.findall(r"^([a-z_/]+)$", index, re.MULTILINE))
    there = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    there |= {f"notebooks/{path.stem}" for path in NOTEBOOKS}
    assert there <= listed
