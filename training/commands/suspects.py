"""Finds photos whose labels are probably wrong, and draws them on a page.

keras-resnets suspects runs/photos
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.tables import table
from keras_resnets.card import Card
from keras_resnets.errors import UserError

from ..config import Config
from ..run.folder import FOLDS, SUSPECTS, is_finished, read_config

if TYPE_CHECKING:
    import keras

LISTED = 20  # in the terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--data", metavar="FOLDER", help="where its photos are now")
    parser.add_argument("--batch-size", type=int, help="images at a time (64, or fewer on a CPU)")


def run(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.run
    if not is_finished(folder):
        raise UserError(f"Expected the folder of a finished run. Received: {folder}.")
    config = read_config(folder)
    if arguments.data is not None:
        source = config.data.model_copy(update={"folder": arguments.data})
        config = config.model_copy(update={"data": source})
    import keras_resnets

    from ..data.opening import open_checked
    from ..reporting.out_of_fold import OutOfFold, by_features
    from ..reporting.suspects import suspects_of, write_suspects

    data = open_checked(config.data)
    if data.multi_label:
        raise UserError(
            f"Expected photos of one class each. Received: {data.name}, which have any number of labels."
        )
    model, card = keras_resnets.open_model(folder)
    data = data.with_classes(card.class_names)
    found = OutOfFold.load(folder / FOLDS) if (folder / FOLDS).is_file() else None
    if found is not None and found.digest == data.digest:
        print("By the networks of the run's folds.")
    else:
        network = _network(config, model, card)
        found = by_features(network, card, data, arguments.batch_size)
    suspects = suspects_of(found, data)
    write_suspects(folder, suspects, data, model, card, photos=len(found.labels))
    if suspects:
        rows = [
            [each.file or f"{each.split} {each.position}", each.label, each.suggested]
            + [f"{each.probability:.0%}"]
            for each in suspects[:LISTED]
        ]
        print(table(["photo", "labelled", "looks like", ""], rows, left=3))
    more = len(suspects) - LISTED
    print(
        f"{f'and {more} more. ' if more > 0 else ''}{len(suspects)} of {len(found.labels)} labels to "
        f"look at: {folder / 'suspects.png'}, {folder / SUSPECTS}"
    )


def _network(config: Config, own: "keras.Model", card: Card) -> "keras.Model":
    """The network whose features tell photos apart.

    The weights that the run began with have not seen the labels; its own have, and may have learned
    wrong ones by heart.
    """
    if config.model.weights is None:
        print(
            "By the features of the run's own network, which has seen the labels: train with --folds 5 "
            "to have each photo judged by a network that has not."
        )
        return own
    from ..networks import in_training

    print(f"By the features of the weights that the run began with: {config.model.weights}.")
    return in_training(config, card.class_names)
