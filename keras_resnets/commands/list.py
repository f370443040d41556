"""Prints a table of all networks."""

import argparse
from collections.abc import Callable
from typing import Any

from keras_resnets import models, weights
from keras_resnets._common.tables import table
from keras_resnets.models.architecture import Architecture


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


# Column → what it sorts by; the largest accuracy and the smallest cost come first.
SORTS: dict[str, Callable[[Architecture], Any]] = {
    "name": lambda a: a.name,
    "family": lambda a: (a.family, a.parameters),
    "parameters": lambda a: a.parameters,
    "macs": lambda a: a.gmacs,
    "top1": lambda a: -_top1(a),
    "licence": lambda a: (_licence(a), a.name),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sort", choices=SORTS, default="family")
    parser.add_argument("--family", choices=sorted({a.family for a in _architectures()}))
    parser.add_argument("--licence", help="of the default weights, such as apache-2.0")
    parser.add_argument("--max-parameters", type=float, metavar="MILLIONS")
    parser.add_argument("--max-macs", type=float, metavar="BILLIONS")
    parser.add_argument("--min-top1", type=float, metavar="PERCENT")


def run(options: argparse.Namespace) -> None:
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
    header = ("model", "family", "parameters", "MACs", "top-1", "at", "weights", "licence")
    rows = [_row(architecture) for architecture in sorted(chosen, key=SORTS[options.sort])]
    print(table(header, rows, left=len(header)))


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
