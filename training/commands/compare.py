"""Overlays the curves of several runs and lists what they reached.

keras-resnets compare runs/a runs/b --out compare.png
"""

import argparse
from pathlib import Path

from keras_resnets._common.tables import table
from keras_resnets.errors import UserError

from ..run.folder import HISTORY, is_run, read_rows

HEADER = ["run", "epochs", "best accuracy", "at epoch", "last loss", "minutes"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("compare.png"), metavar="PNG")


def run(arguments: argparse.Namespace) -> None:
    for run in arguments.runs:
        if not is_run(run) or not (run / HISTORY).is_file():
            raise UserError(f"Expected run folders with a {HISTORY}. Received: {run}.")
    histories = {str(run): read_rows(run) for run in arguments.runs}
    from ..reporting import plots

    plots.draw_comparison(histories, arguments.out)
    print(f"Drawn: {arguments.out}\n")
    print(table(HEADER, _rows(histories)))


def _rows(histories: dict[str, list[dict[str, float]]]) -> list[list[str]]:
    lines = []
    for name, rows in histories.items():
        best = max(rows, key=lambda row: row["validation_accuracy"])
        lines.append(
            [
                name,
                str(len(rows)),
                f"{best['validation_accuracy']:.2%}",
                f"{best['epoch']:.0f}",
                f"{rows[-1]['validation_loss']:.4f}",
                f"{sum(row['seconds'] for row in rows) / 60:.1f}",
            ]
        )
    return lines
