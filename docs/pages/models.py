"""The table of all networks, as a page and as CSV."""

import csv as csv_format
import io

import keras_resnets
from keras_resnets import weights

HEADER = (
    "network",
    "family",
    "parameters",
    "GMACs at 224",
    "top-1",
    "at",
    "weights",
    "licence",
    "timm",
    "paper",
)
SHOWN = HEADER[:-1]  # a paper's title makes rows tall: it is in the file


def rows() -> list[tuple[str, ...]]:
    """A row for each network: its numbers, and those of its default checkpoint if it has one."""
    return [_row(name) for name in keras_resnets.list_models()]


def _row(name: str) -> tuple[str, ...]:
    info = keras_resnets.model_info(name)
    checkpoint = weights.default_checkpoint(name) if weights.checkpoints(name) else None
    result = checkpoint.best_result if checkpoint else None
    return (
        info.name,
        info.family,
        str(info.parameters),
        f"{info.gmacs:.2f}",
        f"{result.top1:.2f}" if result else "",
        str(result.size) if result else "",
        checkpoint.tag if checkpoint else "",
        checkpoint.licence if checkpoint else "",
        info.timm or "",
        info.paper,
    )


def page() -> str:
    """The page; a click on a column's head sorts by it."""
    lines = [
        "# The networks",
        "",
        'Every named network, with its default checkpoint: `weights="imagenet"`. A click on the head of '
        "a column sorts. The accuracies are the authors' or timm's, on ImageNet, at the size beside "
        "them; `keras-resnets info NAME` lists all checkpoints of a network. The same as a file, "
        "with the papers: {download}`models.csv`.",
        "",
        "| " + " | ".join(SHOWN) + " |",
        "|" + "---|" * len(SHOWN),
    ]
    lines += ["| " + " | ".join(row[: len(SHOWN)]) + " |" for row in rows()]
    return "\n".join(lines) + "\n"


def csv() -> str:
    """The table, its header first."""
    text = io.StringIO()
    csv_format.writer(text, lineterminator="\n").writerows([HEADER, *rows()])
    return text.getvalue()
