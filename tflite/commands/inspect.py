"""Show what is in a .tflite file: operators, acceleration, size and arithmetic by layer."""

import argparse
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.tables import size, table

if TYPE_CHECKING:
    from ..file.inspection import Operator

# What the outputs are, by the activation within the file.
GIVES = {
    "softmax": "probabilities",
    "sigmoid": "the probability of each class by itself",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.tflite")


def run(arguments: argparse.Namespace) -> int:
    from ..file.inspection import inspect
    from ..file.packing import unpack
    from ..file.reading import read_file

    content = read_file(arguments.file)
    inspection = inspect(content)
    operators = inspection.operators
    left = [operator for operator in operators if not operator.delegated]
    card = unpack(content)

    print(f"{arguments.file}: {size(len(content))}, {len(operators)} operators")
    if card is None:
        print("no card of this package in it")
    else:
        takes = "pixels" if card.takes_pixels else "normalised images"
        gives = "logits" if card.gives_logits else GIVES[card.activation]
        print(
            f"{card.architecture}, {card.format}, {len(card.class_names)} classes, "
            f"takes {takes}, gives {gives}"
        )
    print(f"input {inspection.input}, output {inspection.output}")
    print(
        f"about {sum(o.macs for o in operators) / 1e6:,.1f} million multiply-accumulates an image"
    )
    print(
        f"XNNPACK: {inspection.partitions} partition(s), "
        + (f"{len(left)} operators left out" if left else "all operators accelerated")
    )
    for (kind, obstacle), count in Counter((o.kind, o.obstacle) for o in left).items():
        print(f"  {count} {kind}: {obstacle}")
    print(f"\n{_sums('operator', operators, lambda operator: operator.kind)}")
    print(f"\n{_sums('layer', operators, lambda operator: operator.layer)}")
    return 0


def _sums(
    title: str, operators: Iterable["Operator"], group: Callable[["Operator"], Hashable]
) -> str:
    """Count, arithmetic and weights of each group of operators, in order of appearance."""
    groups: dict[Hashable, list[Operator]] = {}
    for operator in operators:
        groups.setdefault(group(operator), []).append(operator)
    return table(
        [title, "count", "million MACs", "weights"],
        [
            [
                str(name),
                str(len(members)),
                f"{sum(o.macs for o in members) / 1e6:.2f}",
                size(sum(o.constants for o in members)),
            ]
            for name, members in groups.items()
        ],
    )
