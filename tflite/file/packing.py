"""A card in a file, and out of it.

A file carries it twice. `card.json` is all that this package needs to use the file; for other tools
there is the TFLite Metadata that Android's libraries read (`tflite.file.standard_metadata`). As in every
file with TFLite Metadata, a zip archive follows the model's bytes: it holds `card.json` and
`labels.txt`, and `unzip -p model.tflite labels.txt` prints them.
"""

import io
import zipfile
import zlib

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_resnets.errors import UserError

from .card import FileCard
from .flatbuffer import read, write
from .standard_metadata import standard_metadata

CARD = "card.json"
LABELS = "labels.txt"
STANDARD = "TFLITE_METADATA"  # the name by which tools look for it
LARGEST = 64 * 1024 * 1024  # bytes of a card: 1,000 times those of ImageNet's


def pack(model: bytes, card: FileCard) -> bytes:
    """The model's bytes with the card in them."""
    tables = read(model)
    described = schema.BufferT()
    described.data = np.frombuffer(standard_metadata(card, labels=LABELS, card_file=CARD), "uint8")
    tables.buffers.append(described)
    entry = schema.MetadataT()
    entry.name, entry.buffer = STANDARD, len(tables.buffers) - 1
    tables.metadata = [*(tables.metadata or []), entry]

    packed = io.BytesIO()
    packed.write(write(tables))
    # Stored, not compressed: Android's reader maps the files.
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS), _labels(card))
        archive.writestr(zipfile.ZipInfo(CARD), card.to_json())
    return packed.getvalue()


def unpack(content: bytes) -> FileCard | None:
    """The card in a file's bytes; `None` where another program wrote the file.

    Raises:
        UserError: Where the file should have a card, but it is cut off, damaged or of another
            version.
    """
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        if STANDARD.encode() in content and CARD.encode() in content:
            raise UserError(
                f"Expected {CARD} at the end of the file. Received: a file that is cut off there."
            )
        return None
    try:
        with zipfile.ZipFile(stream) as archive:
            if CARD not in archive.namelist():
                return None
            with archive.open(CARD) as file:
                text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise UserError(f"Expected {CARD} of at most {LARGEST} bytes. Received: more.")
    # What zipfile raises of damaged archives.
    except (
        *(zipfile.BadZipFile, EOFError, KeyError, NotImplementedError, OSError, RuntimeError),
        *(ValueError, zlib.error),
    ) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"Expected {CARD} at the end of the file. Received: one that cannot be read: {error}"
        ) from error
    return FileCard.from_json(text)


def _labels(card: FileCard) -> bytes:
    """One class a line, for tools that read no card.

    What would end a line stands as its escape (a newline as `\\n`), and so does what UTF-8 cannot
    hold: else every later class would be called by another's name.
    """
    return "".join(f"{_on_one_line(name)}\n" for name in card.class_names).encode()


def _on_one_line(name: str) -> str:
    escaped = (c.encode("unicode_escape").decode() if _must_be_escaped(c) else c for c in name)
    return "".join(escaped)


def _must_be_escaped(character: str) -> bool:
    return bool(character.splitlines() != [character]) or "\ud800" <= character <= "\udfff"
