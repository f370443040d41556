"""The folder of a run: who may write to it, and what lies where."""

import fcntl
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from keras_resnets._common.files import write_text
from keras_resnets.errors import UserError

from .. import recipe
from ..cluster import Task
from ..config import Config

CONFIG = "config.yaml"
LOCK = ".lock"
WORKERS = "workers"
HISTORY = "history.json"
EVALUATION = "evaluation.json"


class RunFolder:
    """`runs/NAME/`, locked by this process until the context ends.

    One in which no run began is removed again.
    """

    def __init__(self, path: Path):
        self.path = path
        # The operating system drops the lock with the process, however that ends.
        self._lock = open(path / LOCK, "w")  # noqa: SIM115  held until the context ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise UserError(
                f"Expected a run folder to itself. Received: {path}, where another process trains."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if {entry.name for entry in self.path.iterdir()} <= {CONFIG, LOCK}:
            shutil.rmtree(self.path)
        self._lock.close()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    @classmethod
    def create(cls, path: Path, config: Config, *, force: bool) -> "RunFolder":
        """Makes the folder of a new run, or opens that of the same run to be continued.

        Raises:
            UserError: where it holds a finished run, or another one, and `force` is not given.
        """
        if is_run(path) and not force:
            if is_finished(path):
                raise UserError(
                    f"Expected a new run folder. Received: {path}, which holds a finished run. "
                    "Name another one by --run, or overwrite it by --force."
                )
            if read_config(path) != config:
                raise UserError(
                    f"Expected the configuration of the run in {path}. Received: another one. "
                    f"Continue that run by --resume {path}, or overwrite it by --force."
                )
            return cls(path)
        found = {entry.name for entry in path.iterdir()} if path.exists() else set()
        if not is_run(path) and found - {WORKERS, LOCK}:
            raise UserError(
                f"Expected a run folder or an empty one. Received: {path}, which holds other files."
            )
        path.mkdir(parents=True, exist_ok=True)
        folder = cls(path)
        folder._empty()
        write_text(path / CONFIG, recipe.dump(config))
        return folder

    def _empty(self) -> None:
        for entry in self.path.iterdir():
            if entry.name == WORKERS:
                continue  # each of them empties its own
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()

    def write_text(self, name: str, text: str) -> None:
        write_text(self.path / name, text)

    def read_history(self) -> list[dict[str, float]]:
        return read_rows(self.path)

    def write_json(self, name: str, value: Any) -> None:
        self.write_text(name, json.dumps(value, indent=1) + "\n")

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """One row an epoch, as JSON and as CSV."""
        self.write_json(HISTORY, rows)
        lines = [list(rows[0]), *(row.values() for row in rows)] if rows else []
        text = "".join(",".join(map(str, line)) + "\n" for line in lines)
        self.write_text("history.csv", text)


def own_folder(run: Path, task: Task) -> Path:
    """Where a process keeps its own state: in the run's folder, or beside the others' within it."""
    return run if task.is_chief else run / WORKERS / str(task.index)


def is_run(path: Path) -> bool:
    return (path / CONFIG).is_file()


def is_finished(path: Path) -> bool:
    return (path / EVALUATION).is_file()


def read_rows(path: Path) -> list[dict[str, float]]:
    """The history of a run."""
    return json.loads((path / HISTORY).read_text("utf-8"))


def read_config(path: Path) -> Config:
    """The configuration that `path` was started with.

    Raises:
        UserError: where `path` is no run folder.
    """
    if not is_run(path):
        raise UserError(f"Expected a run folder, with a {CONFIG}. Received: {path}.")
    return recipe.configure(yaml.safe_load((path / CONFIG).read_text("utf-8")))


def newest_unfinished(runs: Path) -> Path:
    """The run under `runs` that was last written to and is not finished.

    Raises:
        UserError: where there is none.
    """
    found = [path for path in runs.glob("*/") if is_run(path) and not is_finished(path)]
    if not found:
        raise UserError(f"Expected a run to continue. Received: none unfinished under {runs}/.")
    return max(found, key=lambda path: path.stat().st_mtime)
