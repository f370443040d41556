"""Prints what a network is, and its checkpoints."""

import argparse
import dataclasses

from keras_resnets import models, weights
from keras_resnets._common.tables import table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="our name or timm's")


def run(options: argparse.Namespace) -> None:
    architecture = models.model_info(options.model)
    print(f"{architecture.name}\n{architecture.paper}\n")
    facts = {
        name: getattr(architecture, name) for name in ("family", "timm", "parameters", "gmacs")
    }
    for name, value in (facts | dataclasses.asdict(architecture.config)).items():
        print(f"  {name:14} {value}")
    known = weights.checkpoints(architecture.name)
    if not known:
        print("\nNo public checkpoint.")
        return
    print()
    default = weights.default_checkpoint(architecture.name)
    header = ("weights", "classes", "top-1", "at", "crop", "trained at", "interpolation", "licence")
    rows: list[tuple[str, ...]] = []
    for checkpoint in known:
        result = checkpoint.best_result
        preprocessing = checkpoint.preprocessing
        rows.append(
            (
                checkpoint.tag + (" (imagenet)" if checkpoint == default else ""),
                str(checkpoint.classes),
                f"{result.top1:.2f} %" if result else "-",
                str(preprocessing.size),
                f"{preprocessing.crop_fraction:g}",
                str(checkpoint.training_preprocessing.size),
                preprocessing.interpolation,
                checkpoint.licence,
            )
        )
    print(table(header, rows, left=len(header)))
