"""`report.json`: how phone files compare with the Keras model that they come from.

`keras-resnets export` writes it beside the files; `keras-resnets report` shows it on a run's page, and
`keras-resnets benchmark --plot` takes the accuracies from it.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from keras_resnets._common.files import write_text
from keras_resnets._common.tables import size, table
from keras_resnets.errors import MissingFile, UserError

REPORT = "report.json"

Row = TypeVar("Row")


@dataclass(frozen=True)
class KerasRow:
    """The model itself.

    Attributes:
        accuracy: Share of images whose top-1 is right.
        images: Number of images.
        median_ms: Time of one image, as a compiled graph.
    """

    accuracy: float
    images: int
    median_ms: float


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
        accelerated: Whether the runtime takes all operators to its accelerated kernels.
        float_layers: Layers of an integer file that stay in float32.
    """

    file: str
    format: str
    accuracy: float
    agreement: float
    max_probability_difference: float
    bytes: int
    median_ms: float
    accelerated: bool
    float_layers: tuple[str, ...] = ()


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

    def cells(self) -> list[list[str]]:
        """As text: the heading, the row of Keras, and one row a file."""
        keras = self.keras
        rows = [["Keras", f"{keras.accuracy:.2%}", "", "", "", f"{keras.median_ms:.2f} ms", ""]]
        for file in self.files:
            rows.append(
                [
                    file.file,
                    f"{file.accuracy:.2%}",
                    f"{file.agreement:.2%}",
                    f"{file.max_probability_difference:.2g}",
                    size(file.bytes),
                    f"{file.median_ms:.2f} ms",
                    "yes" if file.accelerated else "no",
                ]
            )
        header = ["", "top-1", "agrees", "differs by", "size", "median", "accelerated"]
        return [header, *rows]

    def __str__(self) -> str:
        header, *rows = self.cells()
        return table(header, rows)


def _row(kind: type[Row], values: Any) -> Row:
    # JSON has no tuples.
    tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown keys {unknown}")
    return kind(**{**values, **tuples})
