"""Writes RUN/report.html, a page of everything that is known of a run, and the picture RUN/report.png.

The page is one file that needs nothing else: open it in a browser, send it, print it.
"""

import argparse
from pathlib import Path

from keras_resnets._common.console import command_line
from keras_resnets.errors import UserError

from ..run.folder import PAGE, PICTURE, is_finished


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")


def run(arguments: argparse.Namespace) -> None:
    run = arguments.run
    if not is_finished(run):
        raise UserError(f"Expected the folder of a finished run. Received: {run}.")
    from ..reporting import picture
    from ..reporting.page.content import RunContent
    from ..reporting.page.page import write_run

    content = RunContent.read(run)
    write_run(content, run / PAGE)
    picture.draw(content, run / PICTURE)
    print(f"{content.evaluation.verdict}\n")
    print(f"Written: {run / PAGE}, and the picture {run / PICTURE}\n")
    if content.phone:
        print(f"{content.phone}\n")
    print("What next?\n" + "\n".join(f"  {line}" for line in _next_commands(run)))


def _next_commands(run: Path) -> list[str]:
    files = sorted((run / "tflite").glob("*.int8.tflite")) or sorted(
        (run / "tflite").glob("*.tflite")
    )
    if files:
        phone = command_line("predict", files[0], "photo.png"), "name what is on a photo"
    else:
        formats = ("--quantize", "none", "float16", "int8")
        phone = command_line("export", run, *formats), "for a phone"
    photos = command_line("train", "photos/")
    lines = [phone, (photos, "your own photos"), (command_line("--help"), "everything else")]
    width = max(len(command) for command, _ in lines)
    return [f"{command:{width}}   # {about}" for command, about in lines]
