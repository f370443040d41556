"""CONTRIBUTING's map of the modules is the tree. `make map`, which runs this file, draws it again."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- the map: make map -->\n", "<!-- the end of the map -->\n"
TREES = ("keras_resnets", "training", "tflite", "benchmarks")


def drawn():
    """A line a package: the first sentence of its docstring, and its modules."""
    lines = []
    for tree in TREES:
        for init in sorted((ROOT / tree).rglob("__init__.py")):
            folder = init.parent
            about = ast.get_docstring(ast.parse(init.read_text("utf-8"))).split("\n")[0]
            modules = sorted(path.stem for path in folder.glob("*.py") if path != init)
            listed = f" `{' '.join(modules)}`" if modules else ""
            name = folder.relative_to(ROOT).as_posix()
            lines.append(f"- **{name}/** {about}{listed}\n")
    return "".join(lines)


def parts():
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


def test_the_map_is_the_tree():
    assert parts()[1] == drawn(), "make map draws it again"


def test_every_module_says_what_it_is():
    for tree in TREES:
        for path in (ROOT / tree).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


if __name__ == "__main__":
    before, _, after = parts()
    PAGE.write_text(before + BEGIN + drawn() + END + after, "utf-8")
