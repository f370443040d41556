"""Trains a network: a recipe's, or one of your choice on your own photos.

python -m training --recipe demo
python -m training --data photos/ --model ResNeSt14 --epochs 20
python -m training --resume runs/demo
"""

import argparse
import datetime
import errno
import sys
from pathlib import Path
from typing import Any

from keras_resnets.errors import UserError

from .. import cluster, recipe
from ..config import Config
from ..run.folder import (
    RunFolder,
    is_finished,
    newest_unfinished,
    own_folder,
    read_config,
)
from ..run.signals import Stopped

RUNS = Path("runs")
# Flags that stand for keys of the configuration.
KEYS = {
    "data": "data.folder",
    "dataset": "data.dataset",
    "data_dir": "data.data_dir",
    "model": "model.name",
    "weights": "model.weights",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "strategy": "distribution.strategy",
    "devices": "distribution.devices",
    "seed": "seed",
    "checkpoint_every": "saving",
    "tensorboard": "tensorboard",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser)
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder")
    parser.add_argument("--force", action="store_true", help="overwrite the run folder")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="newest",
        metavar="DIR",
        help="continue a run, the newest unfinished one by default",
    )


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """The arguments that `configured` reads."""
    parser.add_argument("--recipe", help="name of a recipe, or a YAML file")
    parser.add_argument("--data", metavar="FOLDER", help="photos, in one folder a class")
    parser.add_argument("--dataset", metavar="NAME", help="a TensorFlow Datasets name, or mnist_5k")
    parser.add_argument(
        "--data-dir", metavar="FOLDER", help="where TensorFlow Datasets keeps files"
    )
    parser.add_argument("--model", metavar="NAME", help="the network")
    parser.add_argument("--weights", help="where the network starts, such as imagenet")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int, help="over all devices")
    parser.add_argument("--strategy", help="one, mirrored (the default), multiworker or tpu")
    parser.add_argument("--devices", type=int, help="GPUs, or logical CPUs without one")
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--checkpoint-every",
        type=_saving,
        metavar="N[steps]",
        help="epochs between two checkpoints, or steps: 500steps",
    )
    parser.add_argument(
        "--tensorboard",
        action="store_const",
        const=True,
        help="write event files for TensorBoard into the run folder",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY.SUB=VALUE",
        dest="overrides",
        help="any key of the configuration, such as optimizer.learning_rate=0.1",
    )


def _saving(text: str) -> dict[str, Any]:
    number = text.removesuffix("steps")
    return {"every": int(number), "unit": "epochs" if number == text else "steps"}


def run(arguments: argparse.Namespace) -> int:
    config, folder = _resumed(arguments) if arguments.resume else _started(arguments)
    try:
        with folder:
            print(f"Run folder: {folder.path}")
            _train(config, folder)
    except Stopped as stopped:
        return stopped.exit_code
    if cluster.task(config.distribution.strategy).is_chief:
        print(f"Look at it by: python -m training report {folder.path}")
    return 0


def _train(config: Config, folder: RunFolder) -> None:
    # Later than the checks above, since it takes seconds to import.
    from ..loop import train

    task = cluster.task(config.distribution.strategy)
    again = f"python -m training --resume {folder.path}"
    if task.count > 1:
        again = "the same command again, on all workers"
    try:
        train(config, folder, task)
    except (Stopped, KeyboardInterrupt):
        print(f"\nStopped. Continue by: {again}", file=sys.stderr)
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"Expected room on the disk of {folder.path}. Received: {error.strerror}. The files from "
            f"before are whole. Make room, then: {again}"
        ) from error


def configured(arguments: argparse.Namespace) -> Config:
    """The configuration of a recipe, of flags and of overrides, in this order.

    Raises:
        UserError: where it is not valid, or has no data.
    """
    values: dict[str, Any] = {}
    if arguments.recipe:
        values = recipe.read(recipe.find(arguments.recipe))
    for flag, key in KEYS.items():
        if getattr(arguments, flag) is not None:
            recipe.set_key(values, key, getattr(arguments, flag))
    # Data named on the command line takes the place of the recipe's.
    if arguments.data:
        recipe.set_key(values, "data.dataset", arguments.dataset)
    if arguments.dataset:
        recipe.set_key(values, "data.folder", arguments.data)
    config = recipe.configure(values, arguments.overrides)
    if (config.data.dataset is None) == (config.data.folder is None):
        raise UserError(
            "Expected --recipe, --data FOLDER or --dataset NAME, and not both of the last two. "
            f"Received: dataset={config.data.dataset}, folder={config.data.folder}."
        )
    return config


def _started(arguments: argparse.Namespace) -> tuple[Config, RunFolder]:
    config = configured(arguments)
    task = cluster.task(config.distribution.strategy)
    path = own_folder(arguments.run or _fresh(config), task)
    return config, RunFolder.create(path, config, force=arguments.force)


def _resumed(arguments: argparse.Namespace) -> tuple[Config, RunFolder]:
    others = [flag for flag in (*KEYS, "recipe", "overrides") if getattr(arguments, flag)]
    if others:
        raise UserError(
            "Expected --resume to continue a run as it was configured. "
            f"Received also: {', '.join(others)}."
        )
    named = None if arguments.resume == "newest" else Path(arguments.resume)
    path = named or arguments.run or newest_unfinished(RUNS)
    config = read_config(path)
    if is_finished(path):
        raise UserError(f"Expected a run to continue. Received: {path}, which is finished.")
    return config, RunFolder(own_folder(path, cluster.task(config.distribution.strategy)))


def _fresh(config: Config) -> Path:
    """`runs/NAME-DATE`, numbered where that one is taken by a run that is finished or another."""
    name = config.model.name if config.name == Config().name else config.name
    path = first = RUNS / f"{name}-{datetime.date.today():%Y%m%d}"
    number = 2
    while path.exists() and (is_finished(path) or read_config(path) != config):
        path, number = first.with_name(f"{first.name}-{number}"), number + 1
    return path
