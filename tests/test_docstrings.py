"""What docstrings say of arguments, attributes, results and errors reads as sentences."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TREES = ("keras_resnets", "training", "tflite", "benchmarks")
NAMED = ("Args", "Attributes", "Raises")
UNNAMED = ("Returns", "Yields")
FILES = sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py"))

# A capital, a digit or the opening of a literal.
BEGINS = re.compile(r"[A-Z0-9`\"'(]")
# What continues the entry's name in place of naming a thing: "strides: Of the pool."
FRAGMENT = re.compile(r"(Of|By|In|From|Beside|Over|Per|That|Those|Which)\b", re.IGNORECASE)


def entries(docstring):
    """Section, name and text of each entry; a result has no name."""
    section, found = None, []
    for line in docstring.splitlines():
        heading = re.fullmatch(r"([A-Z][a-z]+):", line)
        if heading or (line and not line.startswith(" ")):
            section = heading[1] if heading else None
            fresh = True
        elif section in NAMED and re.match(r"    \S", line):
            name, colon, text = line.strip().partition(":")
            found.append([section, name, text.strip() if colon else ""])
        elif section in UNNAMED and line and fresh:
            found.append([section, "", line.strip()])
            fresh = False
        elif section in NAMED + UNNAMED and line:
            found[-1][2] = f"{found[-1][2]} {line.strip()}".strip()
    return found


def faults(docstring):
    """The entries that are no sentences, as a list shows them."""
    return [
        f"{section}, {name}: {text}"
        for section, name, text in entries(docstring)
        if not BEGINS.match(text)
        or not text.endswith((".", ".)"))
        # An error's entry tells when: "For a file that is no image."
        or (section in ("Args", "Attributes") and FRAGMENT.match(text))
    ]


def docstrings(path):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, kinds):
            yield ast.get_docstring(node) or ""


def test_every_entry_is_a_sentence():
    lacking = {
        path.relative_to(ROOT).as_posix(): found
        for path in FILES
        if (found := [fault for text in docstrings(path) for fault in faults(text)])
    }
    assert not lacking


def test_every_docstring_begins_as_a_sentence_and_ends_as_one():
    for path in FILES:
        for text in docstrings(path):
            first = text.split("\n\n")[0].rstrip()
            assert not text or BEGINS.match(text), f"{path}: {text}"
            assert not text or first.endswith((".", ":", "?")), f"{path}: {text}"


def parameters(function):
    """Names as a docstring has them."""
    given = function.args
    named = [argument.arg for argument in (*given.posonlyargs, *given.args)]
    named += [f"*{given.vararg.arg}"] if given.vararg else []
    named += [argument.arg for argument in given.kwonlyargs]
    return named + ([f"**{given.kwarg.arg}"] if given.kwarg else [])


def signature(node):
    """What a function or a class's own constructor takes; `None` where a class has none."""
    if isinstance(node, ast.FunctionDef):
        return parameters(node)
    return next(
        (
            parameters(part)[1:]
            for part in node.body
            if isinstance(part, ast.FunctionDef) and part.name == "__init__"
        ),
        None,
    )


def test_arguments_are_told_in_the_order_of_the_signature_and_all_of_them():
    lacking = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            found = entries(ast.get_docstring(node) or "")
            told = [
                each
                for section, names, _ in found
                if section == "Args"
                for each in names.split(", ")
            ]
            taken = signature(node)
            if not told or taken is None:
                continue
            # What goes without saying: the instance, and what every Keras layer takes.
            silent = {"self", "cls", "name", "**kwargs"} - {*told}
            if told != [name for name in taken if name not in silent]:
                lacking[f"{path.relative_to(ROOT)}: {node.name}"] = (told, taken)
    assert not lacking


@pytest.mark.parametrize(
    ("section", "text", "sound"),
    [
        ("Args", "Number of XNNPACK threads.", True),
        ("Args", "`(height, width, 3)` uint8.", True),
        ("Args", "1 or more.", True),
        ("Raises", "For a file that is no image.", True),
        ("Raises", "for a file that is no image.", False),
        ("Args", "number of threads.", False),
        ("Args", "Number of threads", False),
        ("Attributes", "Of the pool.", False),
        ("Attributes", "of the pool.", False),
        ("Args", "As for\n        `grad_cam`.", True),
        ("Returns", "the probabilities.", False),
        ("Returns", "The probabilities.", True),
        ("Args", "", False),
    ],
)
def test_a_fragment_is_told_from_a_sentence(section, text, sound):
    entry = text if section == "Returns" else f"thing: {text}"
    assert (not faults(f"Does it.\n\n{section}:\n    {entry}\n")) is sound
