"""Trains a network: on your own photos, or a recipe's.

keras-resnets train photos/
keras-resnets train photos/ --size medium --weights none
keras-resnets train --recipe demo
keras-resnets resume runs/demo
"""

import argparse
import datetime
from pathlib import Path

from keras_resnets.errors import UserError

from .. import cluster, plan, starting, teacher
from ..config import Config
from ..data.opening import check_there
from ..run.folder import RunFolder, is_finished, is_marked, newest_unfinished, read_config, same_run
from ..run.origin import Origin
from .configuration import KEYS, PLACE, add_configuration, configured
from .resume import RUNS, add_going_on, carry_out, resume


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_configuration(parser)
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder")
    parser.add_argument("--force", action="store_true", help="overwrite the run folder")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="newest",
        metavar="DIR",
        help="continue a run, the newest unfinished one by default: the command resume",
    )
    add_going_on(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.resume:
        return resume(_named(arguments), arguments)
    config = configured(arguments)
    task = cluster.task(config.distribution.strategy)
    check_there(config.data)
    config = teacher.identified(config)
    starting.fetch(config.model.name, config.model.weights)
    path = arguments.run or _fresh(config)
    weights = starting.provenance_of(config.model.name, config.model.weights)
    origin = Origin.now(arguments.as_typed, weights)
    folder = RunFolder.open(path, config, task=task, force=arguments.force, origin=origin)
    if is_marked(folder.path) and not arguments.force:
        config = plan.as_begun(config, read_config(folder.path))
    return carry_out(config, folder, task, arguments)


def _named(arguments: argparse.Namespace) -> Path:
    """The run that `--resume` means."""
    others = [
        flag
        for flag in (*KEYS, "photos", "size", "recipe", "overrides", "force")
        if getattr(arguments, flag) and flag not in PLACE
    ]
    if others:
        raise UserError(
            "Expected --resume to continue a run as it was configured. "
            f"Received also: {', '.join(others)}."
        )
    named = None if arguments.resume == "newest" else Path(arguments.resume)
    return named or arguments.run or newest_unfinished(RUNS)


def _fresh(config: Config) -> Path:
    """`runs/NAME-DATE`, numbered where that one is taken by a run that is finished or another."""
    name = config.model.name if config.name == Config().name else config.name
    path = first = RUNS / f"{name}-{datetime.date.today():%Y%m%d}"
    number = 2
    while path.exists() and not _goes_on(path, config):
        path, number = first.with_name(f"{first.name}-{number}"), number + 1
    return path


def _goes_on(path: Path, config: Config) -> bool:
    """Whether `config` is that of the unfinished run in a folder."""
    try:
        return not is_finished(path) and same_run(read_config(path), config)
    except UserError:
        return False
