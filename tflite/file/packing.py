"""A card in a file, and out of it.

`card.json` is all that this package needs to use the file; for other tools there is the TFLite Metadata
that Android's libraries read (`tflite.file.standard_metadata`). As in every file with TFLite Metadata, a
zip archive follows the model's bytes: it holds `card.json` and `labels.txt`, and `unzip -p model.tflite
labels.txt` prints them. `card.json` is an entry of the model's own metadata too, which LiteRT's
interface reads by that name where nothing reads zip archives (`CompiledModel.metadata(key:)` in Swift).
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
    graph = tables.subgraphs[0]
    takes_floats = graph.tensors[graph.inputs[0]].type == schema.TensorType.FLOAT32
    described = standard_metadata(card, takes_floats=takes_floats, labels=LABELS, card_file=CARD)
    tables.metadata = [
        *(tables.metadata or []),
        _entry(tables, STANDARD, described),
        _entry(tables, CARD, card.to_json().encode()),
    ]

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


def _entry(model: schema.ModelT, name: str, content: bytes) -> schema.MetadataT:
    """An entry of the model's metadata, whose content becomes one of its buffers."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, "uint8")
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers) - 1
    return entry


def _labels(card: FileCard) -> bytes:
    """One class a line, for tools that read no card.

    What would end a line stands as its escape (a newline as `\\n`), and so does what UTF-8 cannot
    hold: else every later class would be called by another's name.
    """
    return "".join(f"{one_line(name)}\n" for name in card.class_names).encode()


def one_line(name: str) -> str:
    """A label as its line of `labels.txt`.

    Example:
        >>> one_line("two\\nlines")
        'two\\\\nlines'
    """
    escaped = (c.encode("unicode_escape").decode() if _must_be_escaped(c) else c for c in name)
    return "".join(escaped)


def _must_be_escaped(character: str) -> bool:
    return bool(character.splitlines() != [character]) or "\ud800" <= character <= "\udfff"
