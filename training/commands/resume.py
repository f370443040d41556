"""Continues a run where it was stopped.

keras-resnets resume
keras-resnets resume runs/demo
"""

import argparse
import errno
import sys
from pathlib import Path

from keras_resnets._common.console import command_line
from keras_resnets.errors import UserError

from .. import cluster
from ..config import Config
from ..run.folder import RunFolder, is_run, newest_unfinished, read_config
from ..run.signals import Stopped
from .configuration import add_place, elsewhere

RUNS = Path("runs")
WAIT = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", type=Path, metavar="RUN", help="the newest unfinished one by default"
    )
    add_place(parser)
    add_going_on(parser)


def add_going_on(parser: argparse.ArgumentParser) -> None:
    """The arguments that a run takes whether it begins or goes on."""
    parser.add_argument(
        "--data-changed",
        action="store_true",
        help="go on although the images are others than before",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=WAIT,
        metavar="MINUTES",
        help=f"how long to wait for the other workers, {WAIT:g} by default",
    )


def run(arguments: argparse.Namespace) -> int:
    return resume(arguments.run or newest_unfinished(RUNS), arguments)


def resume(path: Path, arguments: argparse.Namespace) -> int:
    """Continues the run in a folder, on whatever devices there are now."""
    strategy = arguments.strategy
    if strategy is None and is_run(path):
        strategy = read_config(path).distribution.strategy
    task = cluster.task(strategy or "mirrored")
    folder, config = RunFolder.resume(path, task)
    return carry_out(elsewhere(config, arguments), folder, task, arguments)


def carry_out(
    config: Config, folder: RunFolder, task: cluster.Task, arguments: argparse.Namespace
) -> int:
    """Trains to the end, and says how to go on where that is not reached."""
    again = "the same command again, on all workers"
    if task.count == 1:
        again = command_line("resume", folder.run)
    try:
        with folder:
            print(f"Run folder: {folder.path}")
            if not arguments.wait >= 0:
                raise UserError(f"Expected minutes to wait. Received: --wait {arguments.wait}.")
            cluster.await_all(task, arguments.wait)
            # Later than the checks above, since it takes seconds to import.
            from ..loop import train

            train(config, folder, task, data_changed=arguments.data_changed)
    except Stopped as stopped:
        print(f"\nStopped. Continue by: {again}", file=sys.stderr)
        return stopped.exit_code
    except KeyboardInterrupt:
        print(f"\nStopped. Continue by: {again}", file=sys.stderr)
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"Expected room on the disk of {folder.path}. Received: {error.strerror}. The files from "
            f"before are whole. Make room, then: {again}"
        ) from error
    if task.is_chief:
        print(f"Look at it by: {command_line('report', folder.run)}")
    return 0
