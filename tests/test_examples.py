"""Every example in a docstring is true."""

import ast
import doctest
import importlib
import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnets

ROOT = Path(__file__).parent.parent
# The constructors' docstrings come from one template: these stand for the others.
TEMPLATES = ("ResNeXt", "ReXNetLite100")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def docstrings(path):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return [ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds)]


WITH_EXAMPLES = sorted(
    path
    for tree in ("keras_resnets", "training", "tflite", "benchmarks")
    for path in (ROOT / tree).rglob("*.py")
    if any(">>> " in text for text in docstrings(path))
)


def check(examples):
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    said: list[str] = []
    for example in examples:
        runner.run(example, out=said.append)
    assert runner.tries > 0
    assert not runner.failures, "".join(said)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_examples_are_true(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    names = {"keras": keras, "keras_resnets": keras_resnets, "np": np, **vars(module)}
    check(doctest.DocTestFinder(exclude_empty=True).find(module, globs=names))


@pytest.mark.parametrize(
    "name",
    [
        name if name in TEMPLATES else pytest.param(name, marks=pytest.mark.slow)
        for name in (*keras_resnets.list_families(), *keras_resnets.list_models())
    ],
)
def test_the_examples_of_constructors_are_true(name):
    text = str(inspect.getdoc(getattr(keras_resnets, name)))
    check([doctest.DocTestParser().get_doctest(text, {}, name, None, None)])
