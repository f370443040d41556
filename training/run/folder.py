"""The folder of a run: who may write to it, what lies where, and how one takes the place of another."""

import contextlib
import csv
import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from keras_resnets._common.files import sweep_folder, write_text
from keras_resnets._common.tables import size
from keras_resnets.errors import UserError

from .. import plan, recipe
from ..cluster import ALONE, Task
from ..config import Config
from .origin import ORIGIN, Origin

MARK = ".keras-resnets-run"
MARKED = "A folder of keras-resnets train. It may be overwritten by --force.\n"
LOCK = ".lock"
CONFIG = "config.yaml"
CHECKPOINTS = "checkpoints"
WORKERS = "workers"
HISTORY = "history.json"
BEST, LAST = "best.keras", "last.keras"
EVALUATION = "evaluation.json"
MISTAKES = "mistakes"
CHECK = "check.json"
FOLDS, FOLDS_EVALUATION = "folds.npz", "folds.json"
SUSPECTS, SUSPECTS_SEEN = "suspects.json", "suspects"
PAGE, PICTURE = "report.html", "report.png"
# What a run leaves: the only files of a folder that are ever moved or removed.
OWN = frozenset(
    {
        *(MARK, CONFIG, ORIGIN, CHECKPOINTS, HISTORY, "history.csv", EVALUATION, "classes.txt"),
        *(BEST, "best.card.json", LAST, "last.card.json"),
        *("curves.png", "confusion.png", "mistakes.png", "predictions.png"),
        *("folds", FOLDS, FOLDS_EVALUATION, SUSPECTS, SUSPECTS_SEEN, "suspects.png"),
        *(CHECK, PAGE, PICTURE, "labels.png", MISTAKES, "tensorboard", "tflite", "runtimes"),
    }
)
# Where the run before lies until the new one is finished, and while it is moved there or back.
BEFORE = ".before"
MOVING = ".before-moving"
# In this order: the mark goes last and comes back last, so that what lies half here has none.
MOVED = (*sorted(OWN - {MARK}), BEFORE, MARK)


class RunFolder:
    """`runs/NAME/`, locked by this process until the context ends.

    `open` looks and refuses; `begin` writes, once everything else of the run was found right. A run
    that stood there is set aside within the folder until the new one is finished, and comes back where
    that one ends by an error before its first checkpoint or epoch. Files that no run makes are left
    alone.

    Attributes:
        run: The folder of the whole run.
        path: Path of this process's folder: the same, or one for each worker within it.
        origin: Where the run comes from; `None` where nobody said it.
        replaces: Whether what is there is of another run, which this one takes the place of once it
            begins.
    """

    def __init__(self, run: Path, task: Task, origin: Origin | None = None):
        self.run = run
        self.path = path = own_folder(run, task)
        self._made = list(_make(path))
        # The operating system drops the lock with the process, however that ends.
        self._lock = FileLock(path / LOCK, blocking=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(
                f"Expected a run folder to itself. Received: {path}, where another process trains."
            ) from None
        self.origin = origin
        self._began = False
        self.replaces = False

    @classmethod
    def open(
        cls,
        run: Path,
        config: Config,
        *,
        task: Task = ALONE,
        force: bool = False,
        origin: Origin | None = None,
    ) -> Self:
        """Opens the folder of a new run, or that of the same run to be continued.

        Args:
            run: The folder of the whole run.
            config: The run's config.
            task: Task of this process.
            force: Whether a run that is there may be overwritten.
            origin: Where a new run comes from; one that continues keeps its own.

        Raises:
            UserError: Where it holds a finished run, another one, and `force` is not given, or files
                of another kind.
        """
        check_path(run)
        folder = cls(run, task, origin)
        try:
            folder._sweep()
            folder._check(config, force)
            if not folder.replaces:
                folder.origin = Origin.load(folder.path) or origin
        except BaseException:
            folder._release()
            raise
        return folder

    @classmethod
    def resume(cls, run: Path, task: Task) -> tuple[Self, Config]:
        """Opens the folder of a run to be continued, this process's own, and reads how.

        Raises:
            UserError: Where there is no run, or a finished one.
        """
        check_path(run)
        own = own_folder(run, task)
        if not is_run(run) and not is_run(own):
            raise UserError(f"Expected a run folder, with a {CONFIG}. Received: {run}.")
        folder = cls(run, task)
        try:
            folder._sweep()
            place = run if is_run(run) else own
            if is_finished(place):
                raise UserError(f"Expected a run to continue. Received: {run}, which is finished.")
            config = read_config(place)
            folder.origin = Origin.load(place)
            if is_run(own) and not is_marked(own):
                # From before runs had a mark, and each schedule keys of its own.
                write_text(own / CONFIG, recipe.dump(config))
                write_text(own / MARK, MARKED)
        except BaseException:
            folder._release()
            raise
        return folder, config

    def _sweep(self) -> None:
        """Puts right what a killed process left."""
        self._undo_unless_reached()
        if is_finished(self.path):
            self.finish()
        for place in (self.path, self.path / CHECKPOINTS):
            sweep_folder(place)

    def _check(self, config: Config, force: bool) -> None:
        path = self.path
        if not is_marked(path):
            found = sorted({entry.name for entry in path.iterdir()} - {WORKERS, LOCK})
            if found:
                raise UserError(
                    f"Expected a run folder or an empty one. Received: {path}, which holds other "
                    f"files: {', '.join(found[:5])}. Name another one by --run."
                )
        elif force:
            self.replaces = True
        elif is_finished(path):
            raise UserError(
                f"Expected a new run folder. Received: {path}, which holds a finished run. "
                "Name another one by --run, or overwrite it by --force."
            )
        elif not same_run(read_config(path), config):
            raise UserError(
                f"Expected the configuration of the run in {path}. Received: another one. "
                f"Continue that run by --resume {path}, or overwrite it by --force."
            )

    def begin(self, config: Config, needed: int) -> None:
        """Makes the folder that of this run; the first write of all.

        Args:
            config: The run's config.
            needed: Bytes that the run will write.

        Raises:
            UserError: Where the disk has less room than that.
        """
        free = shutil.disk_usage(self.path).free
        if free < needed:
            raise UserError(
                f"Expected {size(needed)} of room for the run in {self.path}. "
                f"Received: {size(free)}. Make room, or name a folder on another disk by --run."
            )
        if is_marked(self.path) and not self.replaces:
            if read_config(self.path) != config:
                write_text(self.path / CONFIG, recipe.dump(config))
            return
        self._began = True
        if self.replaces:
            self._set_aside()
        # The configuration first: what has the mark is a run.
        write_text(self.path / CONFIG, recipe.dump(config))
        if self.origin is not None:
            self.origin.save(self.path)
        write_text(self.path / MARK, MARKED)

    def finish(self) -> None:
        """Removes the run that stood here before, now that the new one is finished."""
        shutil.rmtree(self.path / BEFORE, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._undo_unless_reached()
        self._release()

    def _release(self) -> None:
        self._lock.release()
        if not is_marked(self.path):
            (self.path / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # another process uses it by now
                for folder in self._made:
                    folder.rmdir()

    def _set_aside(self) -> None:
        moving = self.path / MOVING
        moving.mkdir()
        for name in MOVED:
            if (self.path / name).exists():
                (self.path / name).rename(moving / name)
        moving.rename(self.path / BEFORE)

    def _undo_unless_reached(self) -> None:
        """Takes back what a run left that ended, or was killed, before it reached anything.

        A folder `MOVING` says that a move there or back was cut off: then what is in it comes back,
        and nothing is removed.
        """
        before, moving = self.path / BEFORE, self.path / MOVING
        if not moving.exists():
            if self._has_reached_something() or not (self._began or before.exists()):
                return
            for name in OWN:
                _remove(self.path / name)
            if before.exists():
                before.rename(moving)
        if moving.exists():
            for name in MOVED:
                if (moving / name).exists():
                    (moving / name).rename(self.path / name)
            moving.rmdir()
        self._began = False

    def _has_reached_something(self) -> bool:
        checkpoints = (self.path / CHECKPOINTS).glob("step-*.npz")
        return any(checkpoints) or (self.path / HISTORY).exists()

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def write_history(self, rows: Sequence[Mapping[str, float]]) -> None:
        """One row an epoch, as JSON and as CSV."""
        write_text(self.path / HISTORY, json.dumps(list(rows), indent=1) + "\n")
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / "history.csv", text.getvalue())


def own_folder(run: Path, task: Task) -> Path:
    """Where a process keeps its own state: in the run's folder, or beside the others' within it."""
    return run if task.is_chief else run / WORKERS / str(task.index)


def check_path(path: Path) -> None:
    """Refuses a path that no file system takes, or that lies within a file.

    Raises:
        UserError: For those.
    """
    if "\0" in str(path):
        raise UserError(f"Expected a run folder. Received: {str(path)!r}, a name with a zero byte.")
    for place in (path, *path.parents):
        if place.exists():
            if not place.is_dir():
                raise UserError(
                    f"Expected a run folder. Received: {path}, where {place} is a file."
                )
            return


def same_run(one: Config, other: Config) -> bool:
    """Whether `other` gives the run `one` that has begun, in whatever place."""
    other = plan.as_begun(other, one)
    cache = other.cache.model_copy(update={"folder": one.cache.folder})
    return one == other.model_copy(update={"distribution": one.distribution, "cache": cache})


def is_marked(path: Path) -> bool:
    """Whether a folder is a run of ours, which `--force` may overwrite."""
    return (path / MARK).is_file()


def is_run(path: Path) -> bool:
    """Whether a folder can be read as a run, also one from before runs had a mark."""
    return is_marked(path) or (
        (path / CONFIG).is_file() and any((path / name).exists() for name in (CHECKPOINTS, HISTORY))
    )


def is_finished(path: Path) -> bool:
    """Whether a run came to its end."""
    return (path / EVALUATION).is_file()


def read_rows(path: Path) -> list[dict[str, float]]:
    """The history of a run: one row an epoch.

    Raises:
        UserError: Where its file is broken.
    """
    try:
        rows = json.loads((path / HISTORY).read_text("utf-8"))
        return [{str(key): float(value) for key, value in row.items()} for row in rows]
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"Expected the history of a run in {path / HISTORY}. Received: {error}."
        ) from None


def read_config(path: Path) -> Config:
    """The configuration that a run was started with.

    Raises:
        UserError: Where `path` is no run folder, or its configuration is broken.
    """
    check_path(path)
    if not is_run(path):
        raise UserError(f"Expected a run folder, with a {CONFIG}. Received: {path}.")
    values = recipe.read(path / CONFIG)
    try:
        return recipe.configure(values if is_marked(path) else recipe.migrated(values))
    except UserError as error:
        raise UserError(
            f"Expected the configuration of a run in {path / CONFIG}. {error}"
        ) from None


def newest_unfinished(runs: Path) -> Path:
    """The run under `runs` that was last written to and is not finished.

    Raises:
        UserError: Where there is none.
    """
    found = [path for path in runs.glob("*/") if is_run(path) and not is_finished(path)]
    if not found:
        raise UserError(f"Expected a run to continue. Received: none unfinished under {runs}/.")
    return max(found, key=lambda path: path.stat().st_mtime)


def _make(folder: Path) -> Iterator[Path]:
    """Makes a folder and those above it; yields those that were not there, the innermost first."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    yield from missing


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
