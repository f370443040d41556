"""`report.json`: how phone files compare with the Keras model that they come from.

`keras-resnets export` writes it beside the files; `keras-resnets report` shows it on a run's page, and
`keras-resnets benchmark --plot` takes the accuracies from it.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from keras_resnets._common.files import write_text
from keras_resnets._common.shares import mcnemar, wilson
from keras_resnets._common.tables import size, table
from keras_resnets.errors import MissingFile, UserError

REPORT = "report.json"
# A file loses nothing where it loses fewer points, or no more than chance would have it.
NOTHING = 0.1
ALPHA = 0.05
AS_FAST = 1.1  # times the latency of the fastest

Row = TypeVar("Row")


@dataclass(frozen=True)
class KerasRow:
    """The model itself, or what its files are compared with instead.

    Attributes:
        accuracy: Share of images whose top-1 is right.
        images: Number of images.
        median_ms: Time of one image, as a compiled graph.
        name: Name in the table.
    """

    accuracy: float
    images: int
    median_ms: float
    name: str = "Keras"


@dataclass(frozen=True)
class FileRow:
    """One file on the same images.

    Attributes:
        file: The file's name.
        format: The number format.
        accuracy: Share of images whose top-1 is right.
        agreement: Share of images whose top-1 is Keras'.
        max_probability_difference: The largest from Keras, of any class of any image.
        bytes: The file's size in bytes.
        median_ms: Time of one image, on one thread.
        accelerated: Whether the runtime takes all operators to its accelerated kernels; `None` of
            what is no phone file.
        float_layers: Layers of an integer file that stay in float32.
        lost, gained: Number of images that Keras alone has right, and the file alone.
    """

    file: str
    format: str
    accuracy: float
    agreement: float
    max_probability_difference: float
    bytes: int
    median_ms: float
    accelerated: bool | None
    float_layers: tuple[str, ...] = ()
    lost: int = 0
    gained: int = 0


@dataclass(frozen=True)
class PhoneReport:
    """Keras and its files.

    Attributes:
        keras: The model itself.
        files: The files, one row each.
    """

    keras: KerasRow
    files: tuple[FileRow, ...]

    def save(self, path: Path) -> None:
        """Writes it as JSON, with the attributes' names as keys."""
        write_text(path, json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, path: Path) -> "PhoneReport":
        """Reads what `save` wrote.

        Raises:
            MissingFile: Where there is none.
            UserError: Where it is none, or of another version of this package.
        """
        if not path.is_file():
            raise MissingFile(
                f"Expected {path}, which holds the accuracies of phone files. Received: no such "
                "file. `keras-resnets export` writes it where it knows test images."
            )
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls(
                _row(KerasRow, values["keras"]),
                tuple(_row(FileRow, row) for row in values["files"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"Expected a report of this version of keras-resnets. Received: {path}: {error}. "
                "Write it again: keras-resnets export."
            ) from error

    def interval(self, accuracy: float) -> tuple[float, float]:
        """Bounds, of 95 %, of an accuracy on these images."""
        return wilson(round(accuracy * self.keras.images), self.keras.images)

    def points_lost(self, file: FileRow) -> float:
        """The accuracy that a file loses to Keras, in points; negative where it gains."""
        return 100 * (self.keras.accuracy - file.accuracy)

    def recommended(self) -> tuple[FileRow, str] | None:
        """The file to take, and why; `None` where there are no phone files.

        Of those that lose nothing that these images could show, it is the fastest, and of those as
        fast, the smallest. Where all lose, it is the one that loses least.
        """
        phone = [file for file in self.files if file.accelerated is not None]
        if not phone:
            return None
        kept = [file for file in phone if self._keeps(file)]
        if not kept:
            best = min(phone, key=self.points_lost)
            return best, f"all lose accuracy, it the least: {self.points_lost(best):.2f} points"
        fastest = min(file.median_ms for file in kept)
        as_fast = [file for file in kept if file.median_ms <= AS_FAST * fastest]
        best = min(as_fast, key=lambda file: file.bytes)
        whole = "the" if len(kept) == len(phone) else f"of the {len(kept)} that lose nothing the"
        why = f"{whole} fastest here" + (
            ", and the smallest of those as fast" if as_fast[1:] else ""
        )
        return best, f"{why}; {self._loss(best)}"

    def _keeps(self, file: FileRow) -> bool:
        return self.points_lost(file) <= NOTHING + 1e-9 or mcnemar(file.lost, file.gained) > ALPHA

    def _loss(self, file: FileRow) -> str:
        points = self.points_lost(file)
        if points <= 0:
            return f"it loses none of {self.keras.images} images"
        told = f"it loses {points:.2f} points"
        if points <= NOTHING + 1e-9:
            return told
        p = mcnemar(file.lost, file.gained)
        return f"{told}, which {self.keras.images} images cannot tell from chance (p = {p:.2g})"

    def cells(self) -> list[list[str]]:
        """As text: the heading, the row of Keras, and one row a file."""
        keras = self.keras
        first = [keras.name, self._accuracy(keras.accuracy), "", "", "", ""]
        rows = [[*first, f"{keras.median_ms:.2f} ms", ""]]
        for file in self.files:
            rows.append(
                [
                    file.file,
                    self._accuracy(file.accuracy),
                    f"{self.points_lost(file):.2f}",
                    f"{file.agreement:.2%}",
                    f"{file.max_probability_difference:.2g}",
                    size(file.bytes),
                    f"{file.median_ms:.2f} ms",
                    {True: "yes", False: "no", None: ""}[file.accelerated],
                ]
            )
        header = ["", "top-1 (95 % interval)", "points lost", "agrees", "differs by"]
        return [[*header, "size", "median", "accelerated"], *rows]

    def _accuracy(self, accuracy: float) -> str:
        low, high = self.interval(accuracy)
        return f"{accuracy:.2%} ({100 * low:.1f} to {100 * high:.1f})"

    def __str__(self) -> str:
        header, *rows = self.cells()
        shown = table(header, rows)
        recommended = self.recommended()
        if recommended is None:
            return shown
        file, why = recommended
        return f"{shown}\nTake {file.file}: {why}."


def _row(kind: type[Row], values: Any) -> Row:
    # JSON has no tuples.
    tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown keys {unknown}")
    return kind(**{**values, **tuples})
