"""Name what photos show, by a network, a run, a .keras file or a .tflite file.

keras-resnets predict runs/demo photo.jpg
keras-resnets predict runs/demo photos/ --format csv > answers.csv
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Protocol

from keras_resnets._common.console import on_one_line
from keras_resnets._common.options import positive
from keras_resnets._common.photos import for_each_photo
from keras_resnets.classifier import Answer, Classifier
from keras_resnets.errors import UserError
from keras_resnets.photos import format_by_suffix


class Answers(Protocol):
    """Something that names photos."""

    def answer(self, photo: bytes, *, top: int) -> Answer:
        """What an image file's content is taken for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a run folder, a .keras file with its card, a .tflite file, or a network's name",
    )
    parser.add_argument(
        "photos",
        nargs="+",
        type=Path,
        metavar="PHOTO",
        help="a photo, or a folder, which stands for all photos in it and below",
    )
    parser.add_argument(
        "--weights", metavar="TAG", help="a tag or a file, with a network's name (imagenet)"
    )
    parser.add_argument("--top", type=positive, default=5, metavar="K", help="%(default)s classes")
    parser.add_argument(
        "--flip", action="store_true", help="the mean over each photo and its mirror image"
    )
    parser.add_argument(
        "--format",
        choices=SHOWN,
        default="text",
        help="json is one object a line; text by default",
    )


def run(arguments: argparse.Namespace) -> int:
    classifier = _classifier(arguments)
    show = SHOWN[arguments.format]()

    def answer(photo: Path, content: bytes) -> None:
        show(photo, classifier.answer(content, top=arguments.top))

    return for_each_photo(chain.from_iterable(map(_named, arguments.photos)), answer)


def _named(path: Path) -> Sequence[Path]:
    """The photos that a path stands for: those of a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    found = [
        photo
        for photo in sorted(path.rglob("*"))
        if format_by_suffix(photo.suffix) and not photo.name.startswith(".") and photo.is_file()
    ]
    return found or [path]  # as a photo it is refused, with the reason


def _classifier(arguments: argparse.Namespace) -> Answers:
    if Path(arguments.model).suffix.lower() == ".tflite":
        if arguments.weights is not None:
            raise UserError(
                "Expected --weights with a network's name alone. "
                f"Received: {arguments.model} and --weights {arguments.weights}."
            )
        return _of_the_phone(Path(arguments.model), flip=arguments.flip)
    return Classifier.load(arguments.model, arguments.weights or "imagenet", flip=arguments.flip)


def _of_the_phone(file: Path, *, flip: bool) -> Answers:
    # The runtime of phones alone: neither Keras nor TensorFlow is imported.
    from keras_resnets_tflite.use.classifier import Classifier as OfThePhone

    loaded = OfThePhone.load(file, flip=flip)
    if loaded.assumption:
        print(f"note: {loaded.assumption}", file=sys.stderr)
    classifier: Answers = loaded
    return classifier


Show = Callable[[Path, Answer], None]


def _as_text() -> Show:
    def show(photo: Path, answer: Answer) -> None:
        plain = answer.sure and answer.labels is None
        print(on_one_line(photo if plain else f"{photo}: {answer.name}"))
        for name, probability in answer.classes:
            print(f"  {probability:7.2%}  {on_one_line(name)}")

    return show


def _as_json() -> Show:
    def show(photo: Path, answer: Answer) -> None:
        classes = [
            {"class": name, "probability": probability} for name, probability in answer.classes
        ]
        line = {"photo": str(photo), "sure": answer.sure, "classes": classes}
        if answer.labels is not None:
            line["labels"] = list(answer.labels)
        print(json.dumps(line))

    return show


def _as_csv() -> Show:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["photo", "answer", "class", "probability"])

    def show(photo: Path, answer: Answer) -> None:
        for name, probability in answer.classes:
            writer.writerow([photo, answer.name, name, f"{probability:.6f}"])

    return show


SHOWN = {"text": _as_text, "json": _as_json, "csv": _as_csv}
