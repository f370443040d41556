"""`keras-resnets list | info | predict | convert`."""

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_resnets import card, models, weights
from keras_resnets.models.architecture import Architecture

# Column → what it sorts by; the largest accuracy and the smallest cost come first.
SORTS: dict[str, Callable[[Architecture], Any]] = {
    "name": lambda a: a.name,
    "family": lambda a: (a.family, a.parameters),
    "parameters": lambda a: a.parameters,
    "macs": lambda a: a.gmacs,
    "top1": lambda a: -_top1(a),
    "licence": lambda a: (_licence(a), a.name),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns 0, or 2 after an error of the user's.

    An error is one line; only what keeps a checkpoint from fitting is listed below it.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keras-resnets", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="a table of all networks")
    listing.add_argument("--sort", choices=SORTS, default="family")
    listing.add_argument("--family", choices=sorted({a.family for a in _architectures()}))
    listing.add_argument("--licence", help="of the default weights, such as apache-2.0")
    listing.add_argument("--max-parameters", type=float, metavar="MILLIONS")
    listing.add_argument("--max-macs", type=float, metavar="BILLIONS")
    listing.add_argument("--min-top1", type=float, metavar="PERCENT")
    listing.set_defaults(run=_list)

    info = commands.add_parser("info", help="one network and its checkpoints")
    info.add_argument("model", help="our name or timm's")
    info.set_defaults(run=_info)

    predict = commands.add_parser("predict", help="what photos show")
    predict.add_argument("model", help="a name, a .keras file with its card, or a run folder")
    predict.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    predict.add_argument("--weights", default="imagenet", help="a tag or a file, with a name")
    predict.add_argument("--top", type=int, default=5)
    predict.set_defaults(run=_predict)

    convert = commands.add_parser("convert", help="a checkpoint as .keras, with its card")
    convert.add_argument("checkpoint", help="a tag, or a .safetensors or .pth file")
    convert.add_argument("--model", required=True, help="our name or timm's")
    convert.add_argument("--output", type=Path, help="by default MODEL.TAG.keras here")
    convert.add_argument("--force", action="store_true", help="overwrite the output")
    convert.set_defaults(run=_convert)
    return parser


def _architectures() -> list[Architecture]:
    return [models.model_info(name) for name in models.list_models()]


def _default(architecture: Architecture) -> weights.Checkpoint | None:
    known = weights.checkpoints(architecture.name)
    return weights.default_checkpoint(architecture.name) if known else None


def _top1(architecture: Architecture) -> float:
    checkpoint = _default(architecture)
    result = checkpoint.best_result if checkpoint else None
    return result.top1 if result else 0.0


def _licence(architecture: Architecture) -> str:
    checkpoint = _default(architecture)
    return checkpoint.licence if checkpoint else "-"


def _list(options: argparse.Namespace) -> None:
    limits: list[tuple[Any, Callable[[Architecture], bool]]] = [
        (options.family, lambda a: a.family == options.family),
        (options.licence, lambda a: _licence(a) == options.licence),
        (options.max_parameters, lambda a: a.parameters <= 1e6 * options.max_parameters),
        (options.max_macs, lambda a: a.gmacs <= options.max_macs),
        (options.min_top1, lambda a: _top1(a) >= options.min_top1),
    ]
    chosen = [
        architecture
        for architecture in _architectures()
        if all(holds(architecture) for limit, holds in limits if limit is not None)
    ]
    rows: list[tuple[str, ...]] = [
        ("model", "family", "parameters", "MACs", "top-1", "at", "weights", "licence")
    ]
    rows += [_row(architecture) for architecture in sorted(chosen, key=SORTS[options.sort])]
    _print_table(rows)


def _row(architecture: Architecture) -> tuple[str, ...]:
    checkpoint = _default(architecture)
    result = checkpoint.best_result if checkpoint else None
    return (
        architecture.name,
        architecture.family,
        f"{(architecture.parameters or 0) / 1e6:.1f} M",
        f"{architecture.gmacs:.2f} G",
        f"{result.top1:.2f} %" if result else "-",
        str(result.size) if result else "-",
        checkpoint.tag if checkpoint else "-",
        checkpoint.licence if checkpoint else "-",
    )


def _info(options: argparse.Namespace) -> None:
    architecture = models.model_info(options.model)
    print(f"{architecture.name}\n{architecture.paper}\n")
    for field in dataclasses.fields(architecture):
        if field.name not in ("name", "paper"):
            print(f"  {field.name:14} {getattr(architecture, field.name)}")
    known = weights.checkpoints(architecture.name)
    if not known:
        print("\nNo public checkpoint.")
        return
    print()
    default = weights.default_checkpoint(architecture.name)
    rows: list[tuple[str, ...]] = [
        ("weights", "classes", "top-1", "at", "size", "crop", "interpolation", "licence")
    ]
    for checkpoint in known:
        result = checkpoint.best_result
        preprocessing = checkpoint.preprocessing
        rows.append(
            (
                checkpoint.tag + (" (imagenet)" if checkpoint == default else ""),
                str(checkpoint.classes),
                f"{result.top1:.2f} %" if result else "-",
                str(result.size) if result else "-",
                str(preprocessing.size),
                f"{preprocessing.crop_fraction:g}",
                preprocessing.interpolation,
                checkpoint.licence,
            )
        )
    _print_table(rows)


def _predict(options: argparse.Namespace) -> None:
    import numpy as np

    from keras_resnets.preprocessing import read_image

    model, preprocessing, names = _model_to_predict(options)
    for photo in options.photos:
        image = preprocessing(read_image(photo))
        (probabilities,) = _probabilities(model.predict(image[None], verbose=0))
        print(photo)
        for index in np.argsort(-probabilities)[: options.top]:
            print(f"  {probabilities[index]:6.1%}  {names[index]}")


def _model_to_predict(options: argparse.Namespace) -> tuple[Any, Any, Sequence[str]]:
    import keras

    from keras_resnets.preprocessing import imagenet_classes

    if Path(options.model).exists():
        path = card.find_model(options.model)
        described = card.Card.load(path)
        return keras.models.load_model(path), described.preprocessing, described.class_names
    architecture = models.model_info(options.model)
    checkpoint = weights.registered_checkpoint(architecture.name, options.weights)
    if checkpoint is None:
        raise ValueError(
            "Expected a tag of the registry, since a file does not tell its preprocessing. "
            f"Received: --weights {options.weights}. Convert it first: keras-resnets convert."
        )
    model = models.create_model(architecture.name, weights=options.weights)
    names = [name for _, name in imagenet_classes()]
    if checkpoint.classes != len(names):
        names = [f"class {index}" for index in range(checkpoint.classes)]
    return model, checkpoint.preprocessing, names


def _probabilities(outputs: Any) -> Any:
    """The outputs themselves if they are probabilities, their softmax if they are logits."""
    import numpy as np

    if np.allclose(outputs.sum(-1), 1, atol=1e-3) and outputs.min() >= 0:
        return outputs
    powers = np.exp(outputs - outputs.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _convert(options: argparse.Namespace) -> None:
    from keras_resnets.preprocessing import Preprocessing, imagenet_classes

    architecture = models.model_info(options.model)
    checkpoint = weights.registered_checkpoint(architecture.name, options.checkpoint)
    tag = checkpoint.tag if checkpoint else Path(options.checkpoint).stem
    output = options.output or Path(f"{architecture.name}.{tag}.keras")
    if output.exists() and not options.force:
        raise FileExistsError(
            f"{output} exists. Give another --output, or --force to overwrite it."
        )
    model = models.create_model(architecture.name, weights=options.checkpoint)
    model.save(output)
    classes = model.output_shape[-1]
    names = [name for _, name in imagenet_classes()]
    if classes != len(names):
        names = [f"class {index}" for index in range(classes)]
    described = card.Card(
        architecture=architecture.name,
        class_names=tuple(names),
        preprocessing=checkpoint.preprocessing if checkpoint else Preprocessing(),
        provenance={
            "checkpoint": checkpoint.name if checkpoint else str(options.checkpoint),
            "licence": checkpoint.licence if checkpoint else "unknown",
        },
    )
    print(f"{output}\n{described.save(output)}")


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
