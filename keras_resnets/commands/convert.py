"""Makes a .keras file, with its card, of a checkpoint."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", help="a tag, or a file: .safetensors, .pth, .weights.h5, …")
    parser.add_argument("--model", required=True, help="our name or timm's")
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
    model, card = open_model(name, weights=arguments.checkpoint)
    with written_aside(output) as aside:
        model.save(aside)
        # Before the model takes its place: a model that is there has its card.
        described = card.save(output)
    print(f"{output}\n{described}")


def _tag(checkpoint: str) -> str:
    """What tells the output of one checkpoint from another's: the tag, or the file's name."""
    from keras_resnets.weights.reading import weights_suffix

    name = Path(checkpoint).name
    return name[: len(name) - len(weights_suffix(name))]
