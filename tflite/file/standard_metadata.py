"""TFLite Metadata: the description that Android's Task Library and Studio's model view read.

It is a flatbuffer of its own, with the identifier M001, in a buffer of the model. The few tables needed
are written here field by field, in the order of the public schema (`metadata_schema.fbs` of
tensorflow/tflite-support): there is no maintained package that does.
"""

from typing import Any

import numpy as np
from flatbuffers import Builder

from .card import FileCard

# Enumerations of the schema.
DESCRIPTIONS, TENSOR_AXIS_LABELS = np.uint8(1), np.uint8(2)
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS = np.uint8(2), np.uint8(1)
RGB = np.uint8(1)
# Name and description of the output, by what a file gives.
OUTPUTS = {
    "logits": ("logits", "One a class, before any activation."),
    "softmax": ("probability", "One a class; their sum is 1."),
    "sigmoid": ("probability", "One a class, each by itself."),
}


def standard_metadata(card: FileCard, *, takes_floats: bool, labels: str, card_file: str) -> bytes:
    """The metadata of a classifier with one image as its input.

    Args:
        card: The card to describe.
        takes_floats: Whether the image is of floats; of these, and of no bytes, readers want to know
            how they are normalised.
        labels: The name of the file with one class a line, in the zip behind the model.
        card_file: The name of the file with the card, likewise.
    """
    preprocessing = card.preprocessing
    height, width = preprocessing.shape
    size = (np.uint32(width), np.uint32(height))
    # Of pixels from 0 to 255. MediaPipe Tasks takes one mean and one deviation for all channels alone.
    mean, std = (
        ((0.0,), (1 / 255,)) if card.takes_pixels else (preprocessing.mean, preprocessing.std)
    )
    normalization = tuple((255 * np.asarray(values)).astype("float32") for values in (mean, std))
    image = (
        "image",
        "RGB pixels, 0 to 255." if card.takes_pixels else "RGB pixels, normalised.",
        None,
        (IMAGE_PROPERTIES, (RGB, size)),
        [(NORMALIZATION_OPTIONS, normalization)] if takes_floats else None,
    )
    output = (
        *OUTPUTS["logits" if card.gives_logits else card.activation],
        None,
        None,
        None,
        None,
        [(labels, "One class a line.", TENSOR_AXIS_LABELS)],
    )
    subgraph = (None, None, [image], [output])
    model = (
        card.architecture,
        f"Image classifier, {card.format}.",
        None,
        [subgraph],
        None,
        None,
        [(card_file, "The model's card.", DESCRIPTIONS)],
        "1.0.0",
    )
    builder = Builder(1024)
    builder.Finish(_table(builder, model), b"M001")
    return bytes(builder.Output())


def _table(builder: Builder, fields: tuple[Any, ...]) -> int:
    """Writes a table given as its fields in the schema's order; `None` is an absent field."""
    offsets = [_child(builder, field) for field in fields]
    builder.StartObject(len(fields))
    for slot, (field, offset) in enumerate(zip(fields, offsets, strict=True)):
        if isinstance(field, np.uint8):
            builder.PrependUint8Slot(slot, int(field), 0)
        elif isinstance(field, np.uint32):
            builder.PrependUint32Slot(slot, int(field), 0)
        elif offset is not None:
            builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _child(builder: Builder, field: Any) -> int | None:
    """Writes what a table refers to: text, numbers, tables. Scalars and absent fields are not."""
    if isinstance(field, str):
        return int(builder.CreateString(field))
    if isinstance(field, np.ndarray):
        return int(builder.CreateNumpyVector(field))
    if isinstance(field, tuple):
        return _table(builder, field)
    if isinstance(field, list):
        offsets = [_table(builder, table) for table in field]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())
    return None
