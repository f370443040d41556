"""Draws a page of training images as the network sees them, with their labels.

keras-resnets show --recipe demo --out page.png
"""

import argparse
from pathlib import Path

from keras_resnets.errors import UserError

from .configuration import add_configuration, configured


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser)
    parser.add_argument("--out", type=Path, default=Path("augmented.png"), metavar="PNG")
    parser.add_argument("--count", type=int, default=24, help="images on the page")


def run(arguments: argparse.Namespace) -> None:
    if arguments.count < 1:
        raise UserError(f"Expected a count of 1 or more. Received: --count {arguments.count}.")
    config = configured(arguments)
    from ..reporting.show import draw_augmented

    draw_augmented(config, arguments.count, arguments.out)
    print(f"Drawn: {arguments.out}")
