"""Name what photos show, by a network, a run, a .keras file or a .tflite file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from keras_resnets._common.options import positive
from keras_resnets._common.photos import for_each_photo
from keras_resnets.errors import UserError


class Classifies(Protocol):
    """Something that names photos."""

    def classify(self, photo: bytes, *, top: int) -> Sequence[tuple[str, float]]:
        """The most probable classes of an image file's content, with their probabilities."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a run folder, a .keras file with its card, a .tflite file, or a network's name",
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument(
        "--weights", metavar="TAG", help="a tag or a file, with a network's name (imagenet)"
    )
    parser.add_argument("--top", type=positive, default=5, metavar="K", help="%(default)s classes")


def run(arguments: argparse.Namespace) -> int:
    return _answer(_classifier(arguments), arguments.photos, arguments.top)


def _classifier(arguments: argparse.Namespace) -> Classifies:
    if Path(arguments.model).suffix.lower() == ".tflite":
        if arguments.weights is not None:
            raise UserError(
                "Expected --weights with a network's name alone. "
                f"Received: {arguments.model} and --weights {arguments.weights}."
            )
        return _of_the_phone(Path(arguments.model))
    from keras_resnets.classifier import Classifier

    return Classifier.load(arguments.model, arguments.weights or "imagenet")


def _of_the_phone(file: Path) -> Classifies:
    # The runtime of phones alone: neither Keras nor TensorFlow is imported.
    from keras_resnets_tflite.use.classifier import Classifier

    loaded = Classifier.load(file)
    if loaded.assumption:
        print(f"note: {loaded.assumption}", file=sys.stderr)
    classifier: Classifies = loaded
    return classifier


def _answer(classifier: Classifies, photos: Sequence[Path], top: int) -> int:
    def answer(photo: Path, content: bytes) -> None:
        answers = classifier.classify(content, top=top)
        print(photo)
        for name, probability in answers:
            print(f"  {probability:7.2%}  {name}")

    return for_each_photo(photos, answer)
