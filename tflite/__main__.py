"""`python -m tflite COMMAND …`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

import tflite

COMMANDS = ("export", "verify", "inspect", "benchmark", "predict", "snippet", "demo")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; the exit status is 2 for input that it cannot work with."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except (ImportError, OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; nothing is half written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tflite", description=tflite.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        # Light to import: what a command needs, it imports when it runs.
        command = importlib.import_module(f"tflite.commands.{name}")
        about = (command.__doc__ or "").split("\n")[0]
        subparser = commands.add_parser(name, help=about, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(command=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
