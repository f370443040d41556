"""Name the classes of photos, by nothing but a .tflite file and its runtime."""

import argparse
import sys
from pathlib import Path

from keras_resnets.errors import UserError

from .options import positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--top", type=positive, default=5, metavar="K", help="%(default)s classes")


def run(arguments: argparse.Namespace) -> int:
    from ..use.classifier import Classifier

    classifier = Classifier.load(arguments.file)
    if classifier.assumption:
        print(f"note: {classifier.assumption}", file=sys.stderr)
    for photo in arguments.photos:
        content = photo.read_bytes()
        try:
            classes = classifier.classify(content, top=arguments.top)
        except (OSError, SyntaxError) as error:  # what Pillow raises
            raise UserError(
                f"Expected an image that Pillow can decode. Received: {photo}: {error}"
            ) from error
        print(photo)
        for name, probability in classes:
            print(f"  {probability:7.2%}  {name}")
    return 0
