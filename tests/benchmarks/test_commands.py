"""What the documents and the tables of the benchmarks name is there."""

import importlib.util
import re
from pathlib import Path

import pytest

from benchmarks.rivals.environments import REQUIREMENTS, RIVALS
from benchmarks.rivals.process import ROOT
from benchmarks.rivals.tasks import FULL, HOME, cells

SOURCES = [
    ROOT / "README.md",
    ROOT / "Makefile",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "benchmarks").rglob("*.py"),
    *(ROOT / "training" / "recipes").glob("*.yaml"),
]


def named_modules():
    for path in SOURCES:
        for name in re.findall(r"-m (benchmarks\.[\w.]*\w)", path.read_text("utf-8")):
            if name.islower():  # NAME stands for one
                yield name, path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(("name", "source"), sorted(set(named_modules())))
def test_every_command_that_is_named_can_be_run(name, source):
    spec = importlib.util.find_spec(name)
    assert spec, source
    if spec.submodule_search_locations:
        assert importlib.util.find_spec(f"{name}.__main__")
    else:
        assert "__main__" in Path(str(spec.origin)).read_text("utf-8")


def test_every_script_is_named_by_its_own_docstring():
    for path in (ROOT / "benchmarks").glob("*.py"):
        text = path.read_text("utf-8")
        if 'if __name__ == "__main__"' in text:
            assert f"python -m benchmarks.{path.stem}" in text.split('"""')[1]


def test_each_rival_has_its_requirements():
    assert {path.stem for path in REQUIREMENTS.glob("*.txt")} == set(RIVALS)


def test_each_preparation_names_an_engine_and_an_environment():
    for cell in cells(FULL, "files"):
        for contender in cell.contenders:
            for preparation in filter(None, (contender.preparation, contender.maker)):
                assert (REQUIREMENTS / f"{preparation.engine}.py").is_file()
                assert preparation.environment in (HOME, *RIVALS)
