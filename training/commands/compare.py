"""Puts several runs side by side, on a page and in a table.

keras-resnets compare runs/a runs/b --out compare.html
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_resnets._common.tables import table
from keras_resnets.errors import UserError

from ..run.folder import HISTORY, is_run

HEADER = ["run", "epochs", "best accuracy", "at epoch", "last loss", "minutes"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("compare.html"),
        metavar="FILE",
        help="the page, or by the suffix .png the curves alone as a picture (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> None:
    if arguments.out.suffix not in (".html", ".png"):
        raise UserError(f"Expected --out FILE.html or FILE.png. Received: {arguments.out}.")
    for run in arguments.runs:
        if not is_run(run) or not (run / HISTORY).is_file():
            raise UserError(f"Expected run folders with a {HISTORY}. Received: {run}.")
    from ..reporting import plots
    from ..reporting.page.content import ComparedRun
    from ..reporting.page.page import write_comparison

    runs = [ComparedRun.read(run) for run in dict.fromkeys(arguments.runs)]
    histories = {str(run.folder): run.rows for run in runs}
    if arguments.out.suffix == ".html":
        write_comparison(runs, arguments.out)
    else:
        plots.draw_comparison(histories, arguments.out)
    print(f"Written: {arguments.out}\n")
    print(table(HEADER, _rows(histories)))


def _rows(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> list[list[str]]:
    lines = []
    for name, rows in histories.items():
        best = max(rows, key=lambda row: row["validation_accuracy"])
        lines.append(
            [
                name,
                f"{rows[-1]['epoch']:.0f}",
                f"{best['validation_accuracy']:.2%}",
                f"{best['epoch']:.0f}",
                f"{rows[-1]['validation_loss']:.4f}",
                f"{sum(row['seconds'] for row in rows) / 60:.1f}",
            ]
        )
    return lines
