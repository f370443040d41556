"""How files compare with the Keras model that they come from: numbers, table and `report.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from keras_resnets._common.files import write_bytes
from keras_resnets._common.tables import size, table


@dataclass(frozen=True)
class KerasReport:
    """The model itself.

    Attributes:
        accuracy: share of images whose top-1 is right.
        images: how many there were.
        median_ms: of one image, as a compiled graph.
    """

    accuracy: float
    images: int
    median_ms: float


@dataclass(frozen=True)
class FileReport:
    """One file on the same images.

    Attributes:
        file: its name.
        mode: the number format.
        accuracy: share of images whose top-1 is right.
        agreement: share of images whose top-1 is Keras'.
        max_logit_difference: from Keras, of any class of any image.
        bytes: the file's size.
        median_ms: of one image, on one thread.
        accelerated: whether the runtime takes all operators to its accelerated kernels.
        float_layers: layers of an integer file that stay in float32.
    """

    file: str
    mode: str
    accuracy: float
    agreement: float
    max_logit_difference: float
    bytes: int
    median_ms: float
    accelerated: bool
    float_layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """Keras and its files."""

    keras: KerasReport
    files: Sequence[FileReport]

    def save(self, path: Path) -> None:
        """Writes it as JSON, with the attributes' names as keys."""
        write_bytes(path, json.dumps(asdict(self), indent=2).encode())

    def __str__(self) -> str:
        rows = [
            [
                "Keras",
                f"{self.keras.accuracy:.2%}",
                "",
                "",
                "",
                f"{self.keras.median_ms:.2f} ms",
                "",
            ]
        ]
        for file in self.files:
            rows.append(
                [
                    file.file,
                    f"{file.accuracy:.2%}",
                    f"{file.agreement:.2%}",
                    f"{file.max_logit_difference:.2g}",
                    size(file.bytes),
                    f"{file.median_ms:.2f} ms",
                    "yes" if file.accelerated else "no",
                ]
            )
        header = ["", "top-1", "agrees", "logits differ", "size", "median", "accelerated"]
        return table(header, rows)
