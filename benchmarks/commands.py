"""How long each command of `keras-resnets` takes to answer, beside `import tensorflow`.

    python -m benchmarks.commands [--file MODEL.tflite --photo PHOTO] [--rounds 5]

Each in a process of its own, all of them in turns. `predict`, `inspect` and `snippet` are timed on a
file that is given.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.timing import take_turns
from keras_resnets._common.tables import table
from keras_resnets.cli import COMMANDS

LIMIT, LIMIT_TO_PREDICT = 500, 1200  # milliseconds: what is promised
PROGRAM = "import sys; from keras_resnets.cli import main; sys.exit(main())"


def process(code: str, *words: str) -> Callable[[], object]:
    """Runs Python code in a fresh process, which must succeed."""
    command = [sys.executable, "-c", code, *words]
    return partial(subprocess.run, command, check=True, capture_output=True)


def commands(file: Path | None, photo: Path | None) -> list[Sequence[str]]:
    """The command lines that answer at once."""
    lines: list[Sequence[str]] = [[], *([name, "--help"] for name in COMMANDS)]
    lines += [["list"], ["info", "ResNeXt50"]]
    if file is not None:
        lines += [["inspect", str(file)], ["snippet", str(file)]]
        lines += [] if photo is None else [["predict", str(file), str(photo)]]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    calls = {
        " ".join(["keras-resnets", *words]): process(PROGRAM, *words)
        for words in commands(options.file, options.photo)
    }
    calls["import tensorflow"] = process("import tensorflow")
    times = take_turns(calls, rounds=options.rounds, warm_up=1)
    rows = []
    for name, took in times.items():
        limit = LIMIT_TO_PREDICT if "predict " in name and "--help" not in name else LIMIT
        promised = "-" if name == "import tensorflow" else str(limit)
        rows.append([name, f"{took.median:.0f}", f"{took.lowest:.0f}", promised])
    print(table(("process", "median, ms", "lowest", "promised"), rows))


if __name__ == "__main__":
    main()
