"""Compare a model with another in any form, image by image: a run, .keras, .tflite or SavedModel.

The exit status is 1 where the two agree on fewer images than --min-agreement.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets._common.files import write_bytes
from keras_resnets._common.tables import table
from keras_resnets.errors import UserError

from .options import add_data_arguments, named_data

if TYPE_CHECKING:
    from keras_resnets.data import ImageData

    from ..verify.subject import Subject


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        type=Path,
        metavar="MODEL",
        help="a .tflite file, a run folder, a .keras file, or the folder of a SavedModel",
    )
    parser.add_argument("other", type=Path, nargs="?", metavar="OTHER", help="as --against")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="MODEL",
        help="the model to compare it with, in any of these forms; by default the run in whose tflite "
        "folder the file lies",
    )
    parser.add_argument(
        "--min-agreement",
        type=float,
        default=0.98,
        metavar="SHARE",
        help="of images with the same top-1 (%(default)s)",
    )
    parser.add_argument(
        "--worst", type=Path, metavar="FILE.png", help="draw the images that differ most there"
    )
    parser.add_argument(
        "--layers",
        action="store_true",
        help="show the error behind each layer of a .tflite file, where it starts",
    )
    add_data_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from keras_resnets.card import Card

    from ..trained import images_of
    from ..verify.compare import compare, report
    from ..verify.subject import open_subject

    if arguments.other and arguments.against:
        raise UserError(
            "Expected one model to compare with. "
            f"Received: {arguments.other} and --against {arguments.against}."
        )
    against = arguments.other or arguments.against
    reference = open_subject(against or _run_of(arguments.model))
    subject = open_subject(arguments.model)
    if arguments.layers:
        _check_layers(subject, reference)
    card = reference.card or subject.card
    if card is None:
        raise UserError(
            "Expected a model with a card, which says its classes and preprocessing. Received: "
            f"{arguments.model} and {against}, neither with one."
        )
    cards = (one.card for one in (reference, subject) if isinstance(one.card, Card))
    known: Mapping[str, Any] = next((one.data for one in cards if one.data), {})
    data = images_of(card, named_data(arguments) or known)
    if data is None:
        raise UserError(
            "Expected images to compare on. Received: models whose cards name none. "
            "Give --data FOLDER or --dataset NAME."
        )
    found = compare(reference, [subject], card, data, split=arguments.split, limit=arguments.images)
    summary = report(reference, [subject], card, found)
    print(f"{summary.keras.images} images, {arguments.split} split of {data.name}:\n{summary}")
    if arguments.worst:
        from ..verify.worst import worst

        names = (reference.name, subject.name)
        write_bytes(arguments.worst, worst(card, names, found, data, arguments.split))
        print(f"the images that differ most: {arguments.worst}")
    if arguments.layers:
        print("\nerror to the float model's activations:")
        print(_layers(subject, reference, data))
    agreement = found.agreement(subject.name)
    if agreement < arguments.min_agreement:
        print(f"agreement {agreement:.2%} is below {arguments.min_agreement:.2%}")
        return 1
    return 0


def _run_of(file: Path) -> Path:
    """The run that `export` made a file of.

    Raises:
        UserError: Where the file does not lie in a run.
    """
    folder = file.resolve().parent
    if folder.name != "tflite" or not (folder.parent / "best.keras").is_file():
        raise UserError(
            f"Expected a file in RUN/tflite, or --against MODEL. Received: {file}, which lies elsewhere."
        )
    return folder.parent


def _check_layers(subject: "Subject", reference: "Subject") -> None:
    if subject.content is None or reference.trained is None:
        raise UserError(
            "Expected a .tflite file, and a run or .keras file to compare it with, for --layers. "
            f"Received: {subject.name} against {reference.name}."
        )


def _layers(subject: "Subject", reference: "Subject", data: "ImageData") -> str:
    """A table of the error behind each layer of a file, on a few training images."""
    from ..verify.layer_error import layer_errors_of

    assert subject.content is not None
    assert reference.trained is not None
    rows = [
        [e.layer, f"{e.relative:.2%}", f"{e.worst:.2%}", e.worst_operator]
        for e in layer_errors_of(reference.trained, subject.content, data)
    ]
    return table(["layer", "behind it", "worst within", "at"], rows)
