"""Compare a .tflite file with the Keras model it comes from, image by image.

The exit status is 1 where the two agree on fewer images than --min-agreement.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.files import write_bytes
from keras_resnets._common.tables import table
from keras_resnets.errors import UserError

from .options import add_data_arguments, named_data

if TYPE_CHECKING:
    from keras_resnets.data import ImageData

    from ..trained import TrainedModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")
    parser.add_argument(
        "--against",
        type=Path,
        metavar="RUN",
        help="a run folder or a .keras file; by default the run in whose tflite folder the file lies",
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
        "--layers", action="store_true", help="show the error behind each layer, where it starts"
    )
    add_data_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from ..file.reading import read_file
    from ..trained import images_of, load
    from ..verify.compare import compare, report

    content = read_file(arguments.file)
    trained = load(arguments.against or _run_of(arguments.file))
    data = images_of(trained.card, named_data(arguments))
    if data is None:
        raise UserError(
            "Expected images to compare on. Received: a model whose card names none. "
            "Give --data FOLDER or --dataset NAME."
        )
    name = arguments.file.name
    files = {name: content}
    found = compare(trained, files, data, split=arguments.split, limit=arguments.images)
    summary = report(trained, files, found)
    print(f"{summary.keras.images} images, {arguments.split} split of {data.name}:\n{summary}")
    if arguments.worst:
        from ..verify.worst import worst

        write_bytes(arguments.worst, worst(trained, name, found, data, arguments.split))
        print(f"the images that differ most: {arguments.worst}")
    if arguments.layers:
        print("\nerror to the float model's activations:")
        print(_layers(trained, content, data))
    agreement = found.agreement(name)
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
            f"Expected a file in RUN/tflite, or --against RUN. Received: {file}, which lies elsewhere."
        )
    return folder.parent


def _layers(trained: "TrainedModel", content: bytes, data: "ImageData") -> str:
    """A table of the error behind each layer of a file, on a few training images."""
    from ..verify.layer_error import layer_errors_of

    rows = [
        [e.layer, f"{e.relative:.2%}", f"{e.worst:.2%}", e.worst_operator]
        for e in layer_errors_of(trained, content, data)
    ]
    return table(["layer", "behind it", "worst within", "at"], rows)
