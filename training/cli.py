"""The command line: `python -m training [report RUN] …`."""

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from training.errors import USAGE, UserError
from training.signals import Stopped

# TensorFlow is imported by those that need it alone, so that the others answer at once.
COMMANDS = {
    "show": "draw augmented training images",
    "evaluate": "measure a model on labelled images",
    "report": "draw a run's report and print its table",
    "compare": "overlay the curves of several runs",
}
DEFAULT = "run"


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, as for every other error of the user's."""
        print(f"error: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given.pop(0) if given and given[0] in COMMANDS else DEFAULT
    # TensorFlow's start-up chatter; what goes wrong arrives as an exception all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow turns oneDNN on by itself only where a CPU has AVX-512's neural instructions. With
    # AVX2 alone it trains 1.1 to 1.7 times as fast by it (docs/performance.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    warnings.showwarning = _show_warning
    command = importlib.import_module(f"training.commands.{name}")
    parser = Parser(
        prog="python -m training" + ("" if name == DEFAULT else f" {name}"),
        description=command.__doc__,
        epilog=_others() if name == DEFAULT else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    try:
        command.main(parser.parse_args(given))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Stopped as stopped:
        return stopped.exit_code
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    return 0


def _others() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  python -m training {name:{width}} …  {text}" for name, text in COMMANDS.items()]
    return "other commands:\n" + "\n".join(lines)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)
