"""Every example in a docstring is true."""

import doctest
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnets

ROOT = Path(__file__).parent.parent
WITH_EXAMPLES = sorted(
    path
    for tree in ("keras_resnets", "training", "tflite", "benchmarks")
    for path in (ROOT / tree).rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_examples_are_true(path, tmp_path, monkeypatch):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    monkeypatch.chdir(tmp_path)
    # What the README's examples import.
    names = {"keras": keras, "keras_resnets": keras_resnets, "np": np}
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    said: list[str] = []
    for example in finder.find(module, extraglobs=names):
        runner.run(example, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)
