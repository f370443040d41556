"""Runs `python -m training` and kills it at a point named by the first argument, as `kill -9` does."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import numpy as np

from training import cli


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before_call(owner: Any, name: str, times: int, act: Callable[..., None]) -> None:
    """Has `act` called with the arguments before the `times`-th call of `owner.name`."""
    original = getattr(owner, name)
    calls = 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == times:
            act(*args, **kwargs)
        return original(*args, **kwargs)

    setattr(owner, name, wrapped)


def half_written(path: Path, **_: Any) -> None:
    Path(path).write_bytes(b"PK\x03\x04 half of a checkpoint")
    die()


def between_steps() -> None:
    from training.run.journal import Journal

    before_call(Journal, "add_step", 5, lambda *_: die())


def in_mid_write() -> None:
    before_call(np, "savez", 2, half_written)


def before_the_rename() -> None:
    def act(aside: Path, target: Path) -> None:
        if target.name.startswith("step-"):
            die()

    for times in range(1, 40):
        before_call(Path, "replace", times, act)


def in_validation() -> None:
    from training.step import Learner

    before_call(Learner, "measure", 1, lambda *_: die())


def in_the_model() -> None:
    from training.run.models import Models

    def act(models: Models, names: Any) -> None:
        (models.folder / names[0]).with_name(f".{names[0]}").write_bytes(b"half")
        die()

    before_call(Models, "_write", 1, act)


def in_the_features() -> None:
    from training import frozen

    before_call(frozen, "view_batches", 2, lambda *_: die())


def in_the_classifier() -> None:
    from training import loop

    before_call(loop, "train_head", 1, lambda *_, **__: die())


def on_a_full_disk() -> None:
    def act(path: Path, **_: Any) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    before_call(np, "savez", 2, act)


POINTS = {
    point.__name__: point
    for point in (
        *(between_steps, in_mid_write, before_the_rename, in_validation, in_the_model),
        *(in_the_features, in_the_classifier, on_a_full_disk),
    )
}

if __name__ == "__main__":
    POINTS[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
