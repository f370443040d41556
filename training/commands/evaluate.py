"""Evaluates a model on labelled images, by its own preprocessing.

keras-resnets evaluate runs/demo
keras-resnets evaluate runs/demo new_photos/
keras-resnets evaluate ResNeSt14 --weights imagenet --dataset imagenet2012
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.tables import table
from keras_resnets.errors import UserError, near_miss

if TYPE_CHECKING:
    from ..reporting.label_metrics import LabelEvaluation
    from ..reporting.metrics import Evaluation

MOST_NAMED = 20  # classes in one line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="a run folder, a .keras file with its card, or a name",
    )
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="the same as --data FOLDER")
    parser.add_argument("--model", dest="named", metavar="MODEL", help="the same as MODEL")
    parser.add_argument("--weights", default="imagenet", help="of a model by name")
    parser.add_argument("--data", metavar="FOLDER", help="photos; the card's data by default")
    parser.add_argument("--labels", metavar="CSV", help="labels of the photos (docs/photos.md)")
    parser.add_argument("--dataset", metavar="NAME")
    parser.add_argument("--data-dir", metavar="FOLDER")
    parser.add_argument("--split", default="test", choices=["train", "validation", "test"])
    parser.add_argument("--batch-size", type=int, help="images at a time (64, or fewer on a CPU)")
    parser.add_argument(
        "--flip", action="store_true", help="the mean over each image and its mirror image"
    )
    parser.add_argument("--out", type=Path, metavar="JSON", help="write the numbers here")


def run(arguments: argparse.Namespace) -> None:
    from ..reporting.evaluate import evaluate_model
    from ..reporting.label_metrics import LabelEvaluation

    model = _one(arguments.model, arguments.named, "MODEL", "--model")
    if model is None:
        raise UserError(
            "Expected what to evaluate: a run folder, a .keras file or a network's name. Received: none."
        )
    result = evaluate_model(
        model,
        weights=arguments.weights,
        source={
            "folder": _one(arguments.folder, arguments.data, "FOLDER", "--data"),
            "labels": arguments.labels,
            "dataset": arguments.dataset,
            "data_dir": arguments.data_dir,
        },
        split=arguments.split,
        batch_size=arguments.batch_size,
        flip=arguments.flip,
        out=arguments.out,
    )
    print(f"{result.images} images of the {result.split} split")
    if result.split != arguments.split:
        print(f"There is no {arguments.split} split: these images have also chosen the best epoch.")
    lines = _of_labels(result) if isinstance(result, LabelEvaluation) else _of_classes(result)
    print("\n".join(lines))


def _of_classes(result: "Evaluation") -> list[str]:
    lines = [*_strangers(result), *_shares(result), *_certainty(result)]
    for name in ("cohen_kappa", "matthews_correlation", "loss"):
        lines.append(f"{_spaced(name):22} {getattr(result, name):7.4f}")
    rows = [
        [score.name, f"{score.precision:.1%}", f"{score.recall:.1%}", str(score.images)]
        for score in result.classes
    ]
    return [*lines, "", table(["class", "precision", "recall", "images"], rows)]


def _of_labels(result: "LabelEvaluation") -> list[str]:
    lines = []
    for name in ("mean_average_precision", "exact"):
        low, high = getattr(result, f"{name}_interval")
        lines.append(f"{_spaced(name):22} {getattr(result, name):7.2%}   ({low:.2%} to {high:.2%})")
    for name in ("micro_f1", "macro_f1", "loss"):
        lines.append(f"{_spaced(name):22} {getattr(result, name):7.4f}")
    lines.append(f"A label is given above a probability of {result.threshold:g}.")
    rows = [
        [
            score.name,
            "" if score.average_precision is None else f"{score.average_precision:.1%}",
            *(f"{value:.1%}" for value in (score.precision, score.recall, score.f1)),
            str(score.images),
        ]
        for score in result.classes
    ]
    header = ["label", "average precision", "precision", "recall", "F1", "images"]
    return [*lines, "", table(header, rows)]


def _strangers(result: "Evaluation") -> list[str]:
    """Which classes of the images the model does not know, and which of its own have none."""
    lines = []
    if result.unknown:
        counts = ", ".join(f"{name} {count}" for name, count in result.unknown.items())
        unsure = result.unknown_unsure
        told = "" if unsure is None else f" The model is unsure of {unsure:.1%} of them."
        lines.append(f"Not counted, since the model does not know the class: {counts}.{told}")
        near = [
            hint
            for name in result.unknown
            if (hint := near_miss(name, result.class_names)).startswith("Did")
        ]
        lines += near[:1]
    missing = [score.name for score in result.classes if not score.images]
    if missing:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        lines.append(f"No images of: {', '.join(missing[:MOST_NAMED])}{more}.")
    return lines


def _shares(result: "Evaluation") -> list[str]:
    lines = []
    for name in ("top1", "top5", "calibration_error", "balanced_accuracy"):
        low, high = getattr(result, f"{name}_interval")
        lines.append(f"{_spaced(name):22} {getattr(result, name):7.2%}   ({low:.2%} to {high:.2%})")
    return lines


def _certainty(result: "Evaluation") -> list[str]:
    """What the model's temperature and threshold do on these images."""
    lines = []
    if result.temperature is not None:
        lines.append(
            f"{'before calibration':22} {result.calibration_error_before:7.2%}   "
            f"(a temperature of {result.temperature:.3g})"
        )
    if result.threshold is not None:
        lines.append(
            f"{'unsure':22} {result.unsure:7.2%}   (a probability below {result.threshold:.1%})"
        )
    if result.top1_of_sure_interval is not None:
        low, high = result.top1_of_sure_interval
        lines.append(
            f"{'top1 where sure':22} {result.top1_of_sure:7.2%}   ({low:.2%} to {high:.2%})"
        )
    return lines


def _one(first: str | None, second: str | None, *names: str) -> str | None:
    """What was said in one of two ways.

    Raises:
        UserError: Where it was said in both.
    """
    if first is not None and second is not None:
        raise UserError(f"Expected {' or '.join(names)}. Received both: {first}, {second}.")
    return second if first is None else first


def _spaced(name: str) -> str:
    return name.replace("_", " ")
