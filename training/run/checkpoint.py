"""Checkpoints of a run's whole state, from which it continues as if never stopped.

`RUN/checkpoints/step-00000250.npz` holds every variable and, as JSON, how far the run has come and
what it was fed. The newest two are kept: the checksums in the file tell a broken one, and then the one
before serves. `orbax` and `tf.train.Checkpoint` write folders that cannot be replaced at one stroke.
"""

import dataclasses
import json
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.files import written_aside

KEPT = 2
ABOUT = "progress"

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class RunCheckpoint:
    """A run's state between two steps.

    Attributes:
        step: Steps done since the start of the run.
        variables: Values by name, of the network, the optimizer and whatever else learns.
        progress: What the run needs besides them to continue, as JSON has it.
        data: The data it was fed: see `DataIdentity`. Empty in files from before that was kept.
        first_replica: Number, over all processes, of the first replica in `variables`.
    """

    step: int
    variables: Mapping[str, Array]
    progress: Mapping[str, Any]
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    first_replica: int = 0


class Checkpoints:
    """The checkpoints in a folder.

    Args:
        folder: The folder they lie in.
        others: Folder of another process's, which serve where this one has none of a step.
    """

    def __init__(self, folder: Path, others: Path | None = None):
        self.folder = folder
        self.others = others

    def files(self) -> list[Path]:
        """Those in the folder, oldest first."""
        return _files(self.folder)

    def save(self, checkpoint: RunCheckpoint) -> None:
        """Writes a checkpoint, then removes the oldest beyond `KEPT`, and any of a later step.

        A later one is broken, or of a time that was gone back before: this one follows it.

        Raises:
            FloatingPointError: Where a variable is not finite; the checkpoints before stay.
        """
        broken = [name for name, v in checkpoint.variables.items() if not np.isfinite(v).all()]
        if broken:
            raise FloatingPointError(f"{len(broken)} variables are not finite: {broken[0]}, …")
        self.folder.mkdir(parents=True, exist_ok=True)
        about = {
            **checkpoint.progress,
            "data": checkpoint.data,
            "first_replica": checkpoint.first_replica,
        }
        path = self.folder / f"step-{checkpoint.step:08d}.npz"
        with written_aside(path) as aside:
            arrays: dict[str, Any] = {ABOUT: _bytes(about), **checkpoint.variables}
            np.savez(aside, **arrays)
        before = [old for old in self.files() if _step(old) <= checkpoint.step]
        for old in self.files():
            if old not in before[-KEPT:]:
                old.unlink()

    def any_whole(self) -> bool:
        """Whether there is one to go on from."""
        with warnings.catch_warnings(action="ignore"):  # `newest` says what is broken
            return self.newest() is not None

    def newest(self, at_most: int | None = None) -> RunCheckpoint | None:
        """The newest checkpoint that is whole, or `None` where there is none.

        A broken one is named in a warning.

        Args:
            at_most: The largest step that is wanted.
        """
        files = [*([] if self.others is None else _files(self.others)), *self.files()]
        for path in sorted(files, key=_step, reverse=True):
            if at_most is not None and _step(path) > at_most:
                continue
            try:
                return _read(path)
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(
                    f"The checkpoint {path} is broken ({error}); trying the one before.",
                    stacklevel=2,
                )
        return None


def _read(path: Path) -> RunCheckpoint:
    # Reading a member checks its CRC.
    with open(path, "rb") as file, np.load(file) as archive:
        variables = {name: archive[name] for name in archive.files}
    about = json.loads(variables.pop(ABOUT).tobytes())
    data, first_replica = about.pop("data", {}), about.pop("first_replica", 0)
    return RunCheckpoint(_step(path), variables, about, data, first_replica)


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.glob("step-*.npz") if path.stem[5:].isdecimal())
    return sorted(found, key=_step)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _bytes(about: Mapping[str, Any]) -> Array:
    return np.frombuffer(json.dumps(about).encode(), np.uint8)
