"""Each public function and class tells its arguments and has an example, and every example is true."""

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_resnets

ROOT = Path(__file__).parent.parent
PUBLIC = (
    "keras_resnets",
    "keras_resnets.data",
    "keras_resnets.layers",
    "keras_resnets.models",
    "keras_resnets.optimizers",
    "keras_resnets.weights",
)
# The constructors' docstrings come from one template: these stand for the others.
TEMPLATES = ("ResNeXt", "ReXNetLite100")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public():
    """Every function and class that a module offers, by its name; ours, not Keras'."""
    for module in map(importlib.import_module, PUBLIC):
        for name in getattr(module, "__all__", None) or vars(module):
            thing = getattr(module, name)
            ours = (getattr(thing, "__module__", None) or "").startswith("keras_resnets")
            if not name.startswith("_") and ours and callable(thing):
                yield name, thing


def example_of(thing):
    return ">>> " in (inspect.getdoc(thing) or "")


def test_every_public_name_has_an_example():
    lacking = {
        name
        for name, thing in public()
        # An error or a warning is met, not made.
        if not (example_of(thing) or (inspect.isclass(thing) and issubclass(thing, BaseException)))
    }
    assert not lacking


def test_every_public_name_tells_its_arguments():
    free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    silent = {
        name
        for name, thing in public()
        if not (inspect.isclass(thing) and issubclass(thing, BaseException))
        and any(each.kind not in free for each in inspect.signature(thing).parameters.values())
        and not re.search("^(Args|Attributes):$", inspect.getdoc(thing) or "", re.MULTILINE)
    }
    assert not silent


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
