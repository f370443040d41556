"""Where a run comes from: the command that began it, its versions, its first weights."""

import dataclasses
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Self

from keras_resnets._common.files import read_json, write_text
from keras_resnets.errors import UserError

ORIGIN = "origin.json"
PACKAGES = ("keras-resnets", "keras", "tensorflow", "numpy")
_LARGEST = 1 << 20  # bytes of such a file; a command line is far shorter


@dataclasses.dataclass(frozen=True)
class Origin:
    """What is known of a run's beginning.

    Attributes:
        command: The command as it was typed, quoted for the shell.
        weights: What the network began with, in words; empty for random weights.
        licence: Licence of these weights, an SPDX identifier in lower case or `"unknown"`; empty
            for random weights.
        versions: Version of each package by its name, of Python and of the system.
    """

    command: str
    weights: str = ""
    licence: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def now(cls, command: str, weights: Mapping[str, str]) -> Self:
        """The origin of a run that begins here.

        Args:
            command: The command as it was typed.
            weights: The provenance of the first weights: see `starting.provenance_of`.
        """
        versions = {name: metadata.version(name) for name in PACKAGES}
        versions |= {"python": platform.python_version(), "system": platform.platform()}
        return cls(command, weights.get("weights", ""), weights.get("licence", ""), versions)

    @property
    def provenance(self) -> dict[str, str]:
        """What the card of the run's models says of their first weights."""
        given = {"weights": self.weights, "licence": self.licence}
        return {name: value for name, value in given.items() if value}

    def save(self, run: Path) -> None:
        """Writes it into a run's folder."""
        text = json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)
        write_text(run / ORIGIN, text + "\n")

    @classmethod
    def load(cls, run: Path) -> Self | None:
        """Reads it from a run's folder; `None` for a run from before it was written.

        Raises:
            UserError: Where the file is broken.
        """
        path = run / ORIGIN
        if not path.is_file():
            return None
        try:
            return cls(**read_json(path, "the origin of a run", most=_LARGEST))
        except TypeError as error:
            raise UserError(f"Expected the origin of a run. Received: {path}: {error}.") from error
