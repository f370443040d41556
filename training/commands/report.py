"""Draws RUN/report.png and prints the table of the run's phone files."""

import argparse
from pathlib import Path

from keras_resnets.errors import UserError

from ..reporting import page as report
from ..run.folder import is_finished


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")


def run(arguments: argparse.Namespace) -> None:
    run = arguments.run
    if not is_finished(run):
        raise UserError(f"Expected the folder of a finished run. Received: {run}.")
    table = report.draw(run)
    print(f"Drawn: {run / 'report.png'}\n")
    if table:
        print(report.as_text(table) + "\n")
    print("What next?\n" + "\n".join(f"  {line}" for line in _next_commands(run)))


def _next_commands(run: Path) -> list[str]:
    files = sorted((run / "tflite").glob("*.int8.tflite")) or sorted(
        (run / "tflite").glob("*.tflite")
    )
    if files:
        phone = f"python -m tflite predict {files[0]} photo.png     # name what is on a photo"
    else:
        phone = f"python -m tflite export {run} --quantize none float16 int8   # for a phone"
    return [
        phone,
        "python -m training --data photos/ --model ResNeSt14 --epochs 20   # your own photos",
        "python -m training --help                                         # everything else",
    ]
