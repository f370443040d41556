"""What a `.tflite` file says about itself: classes, preprocessing, input and output.

A file carries it twice. `card.json` is all that this package needs to use the file; for other tools
there is the TFLite Metadata that Android's libraries read (`tflite.file.standard_metadata`). As in every
file with TFLite Metadata, a zip archive follows the model's bytes: it holds `card.json` and
`labels.txt`, and `unzip -p model.tflite labels.txt` prints them.
"""

import io
import json
import zipfile
from dataclasses import asdict, fields

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_resnets.errors import UserError

from .card import FileCard
from .flatbuffer import read, write
from .standard_metadata import standard_metadata

CARD = "card.json"
LABELS = "labels.txt"
STANDARD = "TFLITE_METADATA"  # the name by which tools look for it


def pack(model: bytes, card: FileCard) -> bytes:
    """The model's bytes with the card in them."""
    packed = io.BytesIO()
    packed.write(_with_standard_metadata(model, card))
    # Stored, not compressed: Android's reader maps the files.
    with zipfile.ZipFile(packed, "a") as archive:
        for name, text in ((LABELS, _labels(card)), (CARD, json.dumps(asdict(card), indent=2))):
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def unpack(content: bytes) -> FileCard | None:
    """The card in a file's bytes; `None` where another program wrote the file.

    Raises:
        ValueError: where the file should have a card, but its end is missing.
    """
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        if STANDARD.encode() in content and CARD.encode() in content:
            raise UserError(
                f"Expected {CARD} at the end of the file. Received: a file that is cut off there."
            )
        return None
    with zipfile.ZipFile(stream) as archive:
        if CARD not in archive.namelist():
            return None
        values = json.loads(archive.read(CARD))
    expected = {field.name for field in fields(FileCard)}
    if set(values) != expected:
        raise UserError(
            f"Expected {CARD} with the keys {sorted(expected)}. Received: {sorted(values)}."
        )
    tuples = {name: tuple(values[name]) for name in ("class_names", "float_layers")}
    return FileCard(**{**values, **tuples})


def _labels(card: FileCard) -> str:
    return "".join(f"{name}\n" for name in card.class_names)


def _with_standard_metadata(content: bytes, card: FileCard) -> bytes:
    model = read(content)
    buffer = schema.BufferT()
    described = standard_metadata(card, labels=LABELS, card_file=CARD)
    buffer.data = np.frombuffer(described, "uint8")
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = STANDARD, len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return write(model)
