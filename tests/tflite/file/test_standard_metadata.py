"""TFLite Metadata, which Android's libraries read, by the numbers of its public schema."""

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
from flatbuffers.table import Table

from keras_resnets.preprocessing import Preprocessing
from tflite.file.card import FileCard
from tflite.file.flatbuffer import read
from tflite.file.packing import STANDARD, unpack
from tflite.file.standard_metadata import standard_metadata


class Node(Table):
    """A table of which fields are read by their number in the schema."""

    def at(self, number: int) -> int:
        offset = self.Offset(4 + 2 * number)
        assert offset, f"field {number} is absent"
        return offset + self.Pos

    def has(self, number: int) -> bool:
        return self.Offset(4 + 2 * number) != 0

    def text(self, number: int) -> str:
        return self.String(self.at(number)).decode()

    def integer(self, number: int, kind: str) -> int:
        return struct.unpack_from(f"<{kind}", self.Bytes, self.at(number))[0]

    def table(self, number: int) -> "Node":
        return Node(self.Bytes, self.Indirect(self.at(number)))

    def tables(self, number: int) -> list["Node"]:
        field = self.at(number) - self.Pos
        start, count = self.Vector(field), self.VectorLen(field)
        return [Node(self.Bytes, self.Indirect(start + 4 * index)) for index in range(count)]

    def floats(self, number: int) -> np.ndarray:
        field = self.at(number) - self.Pos
        return np.frombuffer(self.Bytes, "<f4", self.VectorLen(field), self.Vector(field))


def root(content: bytes) -> Node:
    assert content[4:8] == b"M001"
    return Node(content, struct.unpack_from("<I", content)[0])


def test_input_output_and_files(files: dict[str, Path]) -> None:
    model = read(files["int8"].read_bytes())
    (entry,) = (entry for entry in model.metadata if entry.name == STANDARD.encode())
    described = root(bytes(model.buffers[entry.buffer].data))
    assert described.text(0) == "ResNeSt"
    assert described.text(1) == "Image classifier, int8."
    assert [file.text(0) for file in described.tables(6)] == ["card.json"]
    (graph,) = described.tables(3)
    (image,), (probability,) = graph.tables(2), graph.tables(3)
    content = image.table(3)
    assert content.integer(0, "B") == 2  # image properties
    assert content.table(1).integer(0, "B") == 1  # RGB
    size = content.table(1).table(1)
    assert (size.integer(0, "I"), size.integer(1, "I")) == (16, 16)
    assert image.text(1) == "RGB pixels, 0 to 255."
    assert not image.has(4)  # nothing is left to be done to them
    assert probability.text(0) == "probability"
    (labels,) = probability.tables(6)
    assert (labels.text(0), labels.integer(2, "B")) == ("labels.txt", 2)  # labels of an axis


def test_width_comes_before_height_and_normalised_images_say_how(files: dict[str, Path]) -> None:
    card = unpack(files["int8"].read_bytes())
    assert card is not None
    card = dataclasses.replace(
        card, preprocessing=Preprocessing(size=(24, 40)), takes_pixels=False, gives_logits=True
    )
    described = standard_metadata(
        card, takes_floats=True, labels="labels.txt", card_file="card.json"
    )
    (graph,) = root(described).tables(3)
    (image,), (logits,) = graph.tables(2), graph.tables(3)
    size = image.table(3).table(1).table(1)
    assert (size.integer(0, "I"), size.integer(1, "I")) == (40, 24)
    (step,) = image.tables(4)
    assert step.integer(0, "B") == 1  # normalisation
    options = step.table(1)
    assert options.floats(0) == pytest.approx([123.675, 116.28, 103.53], rel=1e-6)
    assert options.floats(1) == pytest.approx([58.395, 57.12, 57.375], rel=1e-6)
    assert logits.text(0) == "logits"


def test_floats_from_0_to_255_are_left_as_they_are(files: dict[str, Path]) -> None:
    """One mean and one deviation for all channels: MediaPipe Tasks takes nothing else."""
    card = unpack(files["int8"].read_bytes())
    assert card is not None
    described = standard_metadata(
        card, takes_floats=True, labels="labels.txt", card_file="card.json"
    )
    (graph,) = root(described).tables(3)
    (step,) = graph.tables(2)[0].tables(4)
    assert step.table(1).floats(0).tolist() == [0]
    assert step.table(1).floats(1).tolist() == [1]


def test_the_card_is_in_the_models_own_metadata(files: dict[str, Path]) -> None:
    """Where `CompiledModel.metadata(key:)` of Swift finds it."""
    content = files["int8"].read_bytes()
    model = read(content)
    (entry,) = (entry for entry in model.metadata if entry.name == b"card.json")
    assert FileCard.from_json(bytes(model.buffers[entry.buffer].data)) == unpack(content)
