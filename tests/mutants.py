"""Small changes to the code, each of which a test should notice: `make mutants`.

A sample by a seed, since each mutant costs seconds. Which tests reach a line is known from one run of
them all under coverage; a mutant is given the fastest of those, until one fails. Everything happens
in a copy of the tree, in processes that begin with TensorFlow imported.
"""

import argparse
import ast
import importlib
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
COPIED = ("keras_resnets", "training", "tflite", "tests", "setup.cfg", "pyproject.toml")
MUTATED = (
    *("keras_resnets/layers", "keras_resnets/quantization", "tflite/quantize"),
    *(
        f"keras_resnets/weights/{name}.py"
        for name in ("keras_file", "loading", "porting", "values")
    ),
)
TESTS = (
    *("tests/layers", "tests/quantization", "tests/tflite/quantize", "tests/test_deploy.py"),
    *(f"tests/weights/test_{name}.py" for name in ("families", "keras_file", "loading", "porting")),
)
MOST_TESTS = 12  # a mutant
MOST_SECONDS = 120  # a mutant: one that runs longer is noticed too

# Of each pair one takes the other's place.
PAIRS: tuple[tuple[type, type], ...] = (
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)),
    *((ast.In, ast.NotIn), (ast.And, ast.Or), (ast.Add, ast.Sub), (ast.Mult, ast.Div)),
)
SWAPPED = {
    **{one: other for pair in PAIRS for one, other in (pair, pair[::-1])},
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
}
UNCHANGED = (ast.JoinedStr, ast.Raise, ast.Import, ast.ImportFrom)  # words, not behaviour


class Mutant(NamedTuple):
    """A file with one change.

    Attributes:
        line: Number of the line that is changed.
        before: What stood there.
        after: What stands there instead.
        source: The whole file.
    """

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every file that differs from a source by one operator, number, condition, result or call."""
    lines = source.encode().splitlines(keepends=True)

    def place(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + column

    for node in _behaviour(ast.parse(source)):
        begin = place(node.lineno, node.col_offset)
        end = place(node.end_lineno or 0, node.end_col_offset or 0)
        for new in _changes(node):
            text = ast.unparse(new)
            text = text if isinstance(new, ast.stmt) else f"({text})"
            changed = source.encode()[:begin] + text.encode() + source.encode()[end:]
            before = source.encode()[begin:end].decode()
            yield Mutant(node.lineno, before, text, changed.decode())


def _behaviour(node: ast.AST) -> Iterator[Any]:
    """Statements and expressions, but for types, words and defaults' documentation."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, UNCHANGED) or not isinstance(child, ast.AST):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            yield from _behaviour(child)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in SWAPPED:
            yield ast.Compare(node.left, [SWAPPED[type(operator)]()], node.comparators)
        case ast.BinOp(op=operator) if type(operator) in SWAPPED:
            yield ast.BinOp(node.left, SWAPPED[type(operator)](), node.right)
        case ast.BoolOp(op=operator):
            yield ast.BoolOp(SWAPPED[type(operator)](), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.IfExp():
            yield ast.IfExp(node.test, node.orelse, node.body)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=float(value)):
            yield ast.Constant(2 * value or 1.0)
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=60, help="how many are tried")
    parser.add_argument("--seed", type=int, default=0, help="which")
    arguments = parser.parse_args()
    for name in ("keras", "pytest"):  # every process that is forked from here has them
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        if _in_a_process(_with_coverage, tree) != 0:
            sys.exit("The tests fail before anything is changed.")
        _try(tree, arguments.mutants, random.Random(arguments.seed))


def _try(tree: Path, count: int, chance: random.Random) -> None:
    reached, seconds = _reached(tree), json.loads((tree / "seconds.json").read_text())
    places = [path for name in MUTATED for path in _modules(tree / name)]
    found = [(path, mutant) for path in places for mutant in mutants(path.read_text("utf-8"))]
    chosen = chance.sample(found, min(count, len(found)))
    noticed = 0
    for path, mutant in chosen:
        name = str(path.relative_to(tree))
        # What is done when a module is imported no test does: those that reach any line of it.
        of_file = {test for (file, _), those in reached.items() if file == name for test in those}
        tests = _fastest(reached.get((name, mutant.line)) or of_file, seconds)
        if tests and _fails(tree, path, mutant, tests[:MOST_TESTS]):
            noticed += 1
        else:
            told = f"{len(tests)} tests reach it" if tests else "no test reaches it"
            print(f"{name}:{mutant.line}: {mutant.before} -> {mutant.after} ({told})", flush=True)
    print(f"{noticed} of {len(chosen)} were noticed, of {len(found):,} that could be made.")


def _fastest(tests: set[str], seconds: dict[str, float]) -> list[str]:
    """The fastest first, but of each function one before it comes with other parameters."""
    ordered = sorted(tests, key=lambda test: seconds[test])
    functions = [test.partition("[")[0] for test in ordered]
    before = [functions[:index].count(function) for index, function in enumerate(functions)]
    return [test for _, test in sorted(zip(before, ordered, strict=True), key=lambda it: it[0])]


def _modules(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _fails(tree: Path, path: Path, mutant: Mutant, tests: list[str]) -> bool:
    original = path.read_text("utf-8")
    path.write_text(mutant.source, "utf-8")
    try:
        return _in_a_process(_run, tree, "-x", "-p", "no:cacheprovider", *tests) != 0
    finally:
        path.write_text(original, "utf-8")


def _in_a_process(function: Any, *arguments: Any) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    process.join(None if function is _with_coverage else MOST_SECONDS)
    process.kill()
    process.join()
    return process.exitcode


def _run(tree: Path, *words: str, plugins: tuple[Any, ...] = ()) -> None:
    import contextlib
    import os

    import pytest

    sys.dont_write_bytecode = True  # of the same second and size, a mutant's would be taken
    sys.path.insert(0, str(tree))
    os.chdir(tree)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        sys.exit(pytest.main(["-q", *words], plugins=list(plugins)))


def _with_coverage(tree: Path) -> None:
    seconds: dict[str, float] = {}

    class Clock:
        def pytest_runtest_logreport(self, report: Any) -> None:
            seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration

        def pytest_sessionfinish(self) -> None:
            (tree / "seconds.json").write_text(json.dumps(seconds))

    sources = [f"--cov={name.split('/')[0]}" for name in MUTATED]
    words = ["--cov-context=test", "--cov-report=", *dict.fromkeys(sources), *TESTS]
    _run(tree, *words, plugins=(Clock(),))


def _reached(tree: Path) -> dict[tuple[str, int], set[str]]:
    """The tests that reach each line of each file."""
    from coverage import CoverageData

    data = CoverageData(str(tree / ".coverage"))
    data.read()
    found: dict[tuple[str, int], set[str]] = {}
    for path in data.measured_files():
        for line, contexts in data.contexts_by_lineno(path).items():
            tests = {context.rpartition("|")[0] for context in contexts if context}
            found[str(Path(path).relative_to(tree.resolve())), line] = tests
    return found


if __name__ == "__main__":
    main()
