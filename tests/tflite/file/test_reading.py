"""Files by anyone: refused in one line that names them, within bounds of time and memory."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_resnets.errors import UserError
from tflite.cli import main
from tflite.file import reading
from tflite.file.flatbuffer import read, write
from tflite.file.packing import pack, unpack


def archived(model: bytes, card: bytes) -> bytes:
    """A model with another card behind it."""
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.json", card)
    return stream.getvalue()


def card_with(content: bytes, **changes: object) -> bytes:
    card = unpack(content)
    assert card is not None
    return json.dumps({**json.loads(card.to_json()), **changes}).encode()


@pytest.fixture(scope="module")
def content(files: dict[str, Path]) -> bytes:
    return files["int8"].read_bytes()


@pytest.fixture(scope="module")
def bare(content: bytes) -> bytes:
    """The model's tables without a card."""
    model = read(content)
    model.metadata = None
    return write(model)


HOSTILE: dict[str, tuple[str, Callable[[bytes, bytes], bytes]]] = {
    "fewer names": (
        "as many classes as the file has outputs, 3",
        lambda content, bare: archived(bare, card_with(content, class_names=["one"])),
    ),
    "another size": (
        "images as the file takes them",
        lambda content, bare: archived(
            bare,
            card_with(
                content,
                preprocessing={
                    "size": 8,
                    "crop_fraction": 1.0,
                    "interpolation": "bilinear",
                    "antialias": True,
                    "mean": [0.5] * 3,
                    "std": [0.5] * 3,
                },
            ),
        ),
    ),
    "no list": (
        "class_names being a list of texts",
        lambda content, bare: archived(bare, card_with(content, class_names="abc")),
    ),
    "numbers for names": (
        "class_names being a list of texts",
        lambda content, bare: archived(bare, card_with(content, class_names=[1, 2, 3])),
    ),
    "a threshold beyond certainty": (
        "threshold being a number from 0 to 1",
        lambda content, bare: archived(bare, card_with(content, threshold=2)),
    ),
    "no JSON": ("a card in JSON", lambda _, bare: archived(bare, b"{")),
    "deep JSON": ("a card in JSON", lambda _, bare: archived(bare, b"[" * 100_000)),
    "a bomb": ("at most", lambda _, bare: archived(bare, b" " * (reading_limit() + 1))),
    "nothing but the mark": ("Received", lambda *_: b"\x00" * 4 + b"TFL3" + b"\x00" * 100),
    "half": ("Received", lambda content, _: content[: len(content) // 2]),
    "an output that is not there": ("Received", lambda _, bare: changed(bare, no_such_output)),
    "an operator that is not there": ("Received", lambda _, bare: changed(bare, no_such_operator)),
    "tensors of 2 TB": ("Received", lambda _, bare: changed(bare, huge)),
}


def reading_limit() -> int:
    from tflite.file.packing import LARGEST

    return LARGEST


def changed(bare: bytes, change: Callable) -> bytes:
    model = read(bare)
    change(model)
    return write(model)


def no_such_output(model) -> None:
    model.subgraphs[0].outputs = np.array([10_000], "int32")


def no_such_operator(model) -> None:
    model.subgraphs[0].operators[3].opcodeIndex = 10_000


def huge(model) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = np.array([1, 800_000, 800_000, 3], "int32")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_line(fails, name, content: bytes, bare: bytes, tmp_path) -> None:
    message, make = HOSTILE[name]
    file = tmp_path / f"{name}.tflite"
    file.write_bytes(make(content, bare))
    error = fails("inspect", file)
    assert str(file) in error
    assert message in error
    assert "Traceback" not in error


def outcome(file: Path) -> bytes | str:
    """What is read of a file, or why it is refused."""
    try:
        return reading.read_file(file)
    except UserError as error:
        return str(error)


def test_mutated_files_are_refused_or_answer(
    bare: bytes, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    refused = 0
    for index in range(8):
        broken = bytearray(content)
        for place in random.integers(8, len(bare) if index % 2 else len(content), size=5):
            broken[place] = random.integers(256)
        file = tmp_path / f"{index}.tflite"
        file.write_bytes(broken)
        answer = outcome(file)
        assert answer == bytes(broken) or str(file) in str(answer)
        refused += isinstance(answer, str)
    assert refused > 0


def test_what_is_no_file(fails, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.tflite"
    os.mkfifo(pipe)
    assert "which is no regular file" in fails("inspect", pipe)
    assert "which is no regular file" in fails("benchmark", tmp_path)
    assert "no such file" in fails("predict", tmp_path / "missing.tflite", "photo.jpg")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.abort()", "the runtime crashed on it (SIGABRT)"),
        ("import os; os._exit(5)", "the runtime ended on it with exit code 5"),
        ("import time; time.sleep(60)", "took more than"),
    ],
)
def test_a_runtime_that_crashes_or_hangs_is_contained(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    (tmp_path / "runtime_at_fault.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reading, "__name__", "runtime_at_fault")
    monkeypatch.setattr(reading, "SECONDS", 1.0)
    with pytest.raises(UserError, match=r"float32\.tflite: ") as refused:
        reading.read_file(files["float32"])
    assert reason in str(refused.value)


def test_a_card_goes_in_and_comes_out_whatever_the_names(bare: bytes, content: bytes) -> None:
    import dataclasses

    names = ("a\nb", "\r\u2028\x85", "\udcff'\"$${x}\\")
    card = unpack(content)
    assert card is not None
    packed = pack(bare, dataclasses.replace(card, class_names=names))
    found = unpack(packed)
    assert found is not None
    assert found.class_names == names
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        lines = archive.read("labels.txt").decode().splitlines()
    assert lines == [r"a\nb", r"\r\u2028\x85", r"""\udcff'"$${x}\\""".replace("\\\\", "\\")]


def test_a_measurement_that_fails_is_one_line(
    fails, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tflite.verify import latency

    (tmp_path / "measurer_at_fault.py").write_text("import os; os.abort()")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(latency, "__name__", "measurer_at_fault")
    assert "ended with exit code -6" in fails("benchmark", files["float32"], "--runs", "1")


def test_the_good_ones_are_read(files: dict[str, Path], capfd: pytest.CaptureFixture) -> None:
    assert main(["inspect", str(files["float16"])]) == 0
    assert "float16, 3 classes" in capfd.readouterr().out


def test_a_file_from_before_there_were_thresholds_is_read(content: bytes, bare: bytes) -> None:
    values = json.loads(card_with(content))
    del values["threshold"]
    card = unpack(archived(bare, json.dumps(values).encode()))
    assert card is not None
    assert card.threshold is None
