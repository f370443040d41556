"""Checkpoints of a run's whole state, from which it continues as if never stopped.

`RUN/checkpoints/step-00000250.npz` holds every variable and, as JSON, how far the run has come.
The newest two are kept: the checksums in the file tell a broken one, and then the one before serves.
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
PROGRESS = "progress"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A run's state between two steps.

    Attributes:
        step: steps done since the start of the run.
        variables: values by name, of the network, the optimizer and whatever else learns.
        progress: what else the run needs to continue, as JSON has it.
    """

    step: int
    variables: Mapping[str, np.ndarray]
    progress: Mapping[str, Any]


class Checkpoints:
    """The checkpoints in a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def files(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob("step-*.npz"))

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint, then removes the oldest beyond `KEPT`.

        Raises:
            FloatingPointError: where a variable is not finite; the checkpoints before stay.
        """
        broken = [name for name, v in checkpoint.variables.items() if not np.isfinite(v).all()]
        if broken:
            raise FloatingPointError(f"{len(broken)} variables are not finite: {broken[0]}, …")
        self.folder.mkdir(exist_ok=True)
        progress = np.frombuffer(json.dumps(checkpoint.progress).encode(), np.uint8)
        with written_aside(self.folder / f"step-{checkpoint.step:08d}.npz") as aside:
            arrays: dict[str, Any] = {PROGRESS: progress, **checkpoint.variables}
            np.savez(aside, **arrays)
        for old in self.files()[:-KEPT]:
            old.unlink()

    def newest(self, at_most: int | None = None) -> Checkpoint | None:
        """The newest checkpoint that is whole, or `None` where there is none.

        A broken one is named in a warning.

        Args:
            at_most: the largest step that is wanted.
        """
        for path in reversed(self.files()):
            step = int(path.stem.removeprefix("step-"))
            if at_most is not None and step > at_most:
                continue
            try:
                # Reading a member checks its CRC.
                with open(path, "rb") as file, np.load(file) as archive:
                    variables = {name: archive[name] for name in archive.files}
                progress = json.loads(variables.pop(PROGRESS).tobytes())
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(
                    f"The checkpoint {path} is broken ({error}); trying the one before.",
                    stacklevel=2,
                )
                continue
            return Checkpoint(step, variables, progress)
        return None
