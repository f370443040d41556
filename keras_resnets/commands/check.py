"""Look at photos before training on them: counts, copies, wrong labels, blank and blurred ones.

A page of pictures and a JSON are written to FOLDER.
"""

import argparse
from pathlib import Path

from keras_resnets._common.console import ticking
from keras_resnets._common.files import check_writable, write_text
from keras_resnets.errors import UserError

PAGE, NUMBERS = "check.html", "check.json"
FOUND = 1  # exit code with --strict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photos", metavar="PHOTOS", help="a folder of photos, one folder a class")
    parser.add_argument(
        "--labels", metavar="CSV", help="a file with the photos' classes, as train takes it"
    )
    parser.add_argument(
        "--output",
        "--out",
        type=Path,
        metavar="FOLDER",
        help=f"where {PAGE} and {NUMBERS} go; PHOTOS-check here by default",
    )
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the text")
    parser.add_argument(
        "--strict", action="store_true", help="end with the exit code 1 where anything was found"
    )


def run(arguments: argparse.Namespace) -> int:
    output = _output(Path(arguments.photos), arguments.output)
    from keras_resnets.check import examine_folder, page

    with ticking("looking at the photos"):
        found = examine_folder(arguments.photos, labels=arguments.labels)
    # The files of the check before hold nothing that is not found again.
    check_writable(output, [], force=True)
    numbers = found.to_json()
    write_text(output / NUMBERS, numbers)
    write_text(output / PAGE, page(found))
    if arguments.json:
        print(numbers, end="")
    else:
        print(found.text())
        print(f"\nPictures: {output / PAGE}\nNumbers: {output / NUMBERS}")
    return FOUND if arguments.strict and found.findings else 0


def _output(photos: Path, given: Path | None) -> Path:
    """A folder outside of the photos: inside, it would be taken for a class."""
    output = given or Path(f"{photos.resolve().name}-check")
    if output.resolve().is_relative_to(photos.resolve()):
        raise UserError(
            f"Expected a folder outside of the photos to write to. Received: {output}, within "
            f"{photos}. Name another one: --output FOLDER."
        )
    return output
