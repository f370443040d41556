"""Print code that loads a .tflite file and names the classes of a photo, to paste into an app."""

import argparse
from pathlib import Path

from keras_resnets.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument(
        "--language",
        choices=("python", "kotlin", "swift"),
        default="python",
        help="Python's is run by the tests; Kotlin's and Swift's are compiled against stubs, and were "
        "once against LiteRT's own sources (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    from ..file.packing import unpack
    from ..file.reading import read_file
    from ..file.runtime import Runner
    from ..use.snippet import snippet

    content = read_file(arguments.file)
    runner = Runner(content)
    card = unpack(content)
    if card is None:
        raise UserError(
            "Expected a file with a card, which says what the code must do. "
            f"Received: {arguments.file}, without one. Files of `keras-resnets export` have one."
        )
    print(snippet(arguments.file, card, runner.types, arguments.language), end="")
    return 0
