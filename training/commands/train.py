"""Trains a network: on your own photos, or a recipe's.

keras-resnets train photos/
keras-resnets train photos/ --size medium --weights none
keras-resnets train --recipe demo
keras-resnets resume runs/demo
"""

import argparse
import datetime
from pathlib import Path

from keras_resnets._common.files import check_writable
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
    parser.add_argument(
        "--find-learning-rate",
        action="store_true",
        help="try rates for 100 steps, draw the loss, suggest one, and leave no run",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("learning_rate.png"),
        metavar="PNG",
        help="where --find-learning-rate draws: %(default)s",
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
    if arguments.find_learning_rate:
        return _find_learning_rate(config, task, arguments)
    path = arguments.run or _fresh(config)
    weights = starting.provenance_of(config.model.name, config.model.weights)
    origin = Origin.now(arguments.as_typed, weights)
    folder = RunFolder.open(path, config, task=task, force=arguments.force, origin=origin)
    if is_marked(folder.path) and not arguments.force:
        config = plan.as_begun(config, read_config(folder.path))
    return carry_out(config, folder, task, arguments)


def _find_learning_rate(config: Config, task: cluster.Task, arguments: argparse.Namespace) -> int:
    if task.count > 1 or arguments.run is not None:
        what = "--run" if arguments.run is not None else f"{task.count} workers"
        raise UserError(
            "Expected --find-learning-rate on one machine and without --run: it keeps no run. "
            f"Received: {what}."
        )
    check_writable(arguments.out.parent, [arguments.out], force=True)
    from ..rate_finder import find_learning_rate
    from ..reporting.plots import draw_range

    found = find_learning_rate(config)
    draw_range(found, arguments.out)
    print(f"Drawn: {arguments.out}")
    if found.suggestion is None:
        raise UserError(
            f"Expected some learning rate from {found.rates[0]:.0e} to {found.rates[-1]:.2g} to lower "
            "the loss. Received: none that did. Look at the curve, and at the photos' labels."
        )
    print(
        f"The loss falls the fastest at {found.steepest:.2g}, and is least at {found.least:.2g}. "
        f"Suggested is the first, but at most a tenth of the second: --learning-rate "
        f"{found.suggestion:.2g}"
    )
    return 0


def _named(arguments: argparse.Namespace) -> Path:
    """The run that `--resume` means."""
    others = [
        flag
        for flag in (
            *KEYS,
            "photos",
            "size",
            "recipe",
            "quantize",
            "from_run",
            "overrides",
            "force",
            "find_learning_rate",
        )
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
