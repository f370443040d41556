"""Puts a run's best model on the Hugging Face hub, with its card and a README of what was measured.

Without --yes it only shows what it would put there.

keras-resnets push runs/photos user/name
keras-resnets push runs/photos user/name --yes
keras-resnets predict hf://user/name photo.jpg
"""

import argparse
from pathlib import Path

from keras_resnets._common.console import command_line
from keras_resnets._common.tables import size, table
from keras_resnets.errors import UserError

from ..run.folder import is_finished


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument(
        "repository", metavar="USER/NAME", help="on the hub; made where it is not there"
    )
    parser.add_argument(
        "--licence",
        metavar="SPDX",
        help="of a model that began with random weights, such as apache-2.0; others inherit theirs",
    )
    parser.add_argument(
        "--public",
        action="store_true",
        help="a repository that is made is for everyone, not you alone",
    )
    parser.add_argument("--yes", action="store_true", help="upload")


def run(arguments: argparse.Namespace) -> None:
    from keras_resnets.weights.shared import checked_repository, upload

    from ..reporting.model_page import shared_files

    repository = checked_repository(arguments.repository)
    if not is_finished(arguments.run):
        raise UserError(f"Expected the folder of a finished run. Received: {arguments.run}.")
    files = shared_files(arguments.run, repository, arguments.licence)
    print(table(["file", "size"], [[name, size(len(content))] for name, content in files.items()]))
    if not arguments.yes:
        print(f"\n{files['README.md'].decode()}")
        print(f"Nothing was uploaded. To put these files on the hub as {repository}, add --yes.")
        return
    address = upload(
        repository, files, private=not arguments.public, message="A model of keras-resnets"
    )
    print(
        f"\nUploaded: {address}\nUse it: {command_line('predict', f'hf://{repository}', 'photo.jpg')}"
    )
