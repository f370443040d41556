"""Makes a .keras file, with its card, of a checkpoint."""

import argparse
from pathlib import Path

MOST_CLASSES = 100_000  # a typing error fills the memory beyond


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="a tag, or a file: .safetensors, .pth, .weights.h5, …")
    parser.add_argument("--model", required=True, help="our name or timm's")
    parser.add_argument(
        "--classes",
        metavar="N|FILE",
        help="number of classes, or a file with a name a line; a classifier of another number is new",
    )
    parser.add_argument("--output", type=Path, help="by default MODEL.TAG.keras here")
    parser.add_argument("--force", action="store_true", help="overwrite the output")


def run(arguments: argparse.Namespace) -> None:
    from keras_resnets import models
    from keras_resnets._common.files import check_writable, written_aside
    from keras_resnets.card import open_model
    from keras_resnets.errors import UserError

    name = models.model_info(arguments.model).name
    output = arguments.output or Path(f"{name}.{_tag(arguments.checkpoint)}.keras")
    if output.suffix != ".keras":
        raise UserError(f"Expected --output to end in .keras. Received: {output}.")
    check_writable(output.parent, [output], force=arguments.force)
    classes = None if arguments.classes is None else _classes(arguments.classes)
    model, card = open_model(name, arguments.checkpoint, classes)
    with written_aside(output) as aside:
        model.save(aside)
        # Before the model takes its place: a model that is there has its card.
        described = card.save(output)
    print(f"{output}\n{described}")


def _classes(given: str) -> int | tuple[str, ...]:
    """A number of classes, or the names in a file."""
    from keras_resnets.errors import MissingFile, UserError

    path = Path(given)
    if not path.is_file():
        if given.isdecimal() and 1 <= int(given) <= MOST_CLASSES:
            return int(given)
        raise MissingFile(
            f"Expected --classes as a number from 1 to {MOST_CLASSES:,}, or a file of names. "
            f"Received: {given}, no such file."
        )
    try:
        lines = path.read_text("utf-8-sig").removesuffix("\n").split("\n")
        names = tuple(line.removesuffix("\r") for line in lines)
    except UnicodeDecodeError as error:
        raise UserError(f"Expected class names in UTF-8. Received: {path}: {error}.") from error
    blank = any(not name.strip() for name in names)
    if blank or len({*names}) < len(names):
        found = "an empty line" if blank else "a name twice"
        raise UserError(f"Expected a class name on each line of {path}. Received: {found}.")
    return names


def _tag(checkpoint: str) -> str:
    """What tells the output of one checkpoint from another's: the tag, or the file's name."""
    from keras_resnets.weights.reading import weights_suffix

    name = Path(checkpoint).name
    return name[: len(name) - len(weights_suffix(name))]
