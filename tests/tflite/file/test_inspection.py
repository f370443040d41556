"""What `inspect` says of a file."""

import dataclasses
from pathlib import Path

import pytest

from tflite.cli import main
from tflite.file.inspection import inspect


def test_layers_arithmetic_and_weights(files: dict[str, Path]) -> None:
    inspection = inspect(files["float32"].read_bytes())
    layers = list(dict.fromkeys(operator.layer for operator in inspection.operators))
    assert layers == ["normalize", "stem", "stage1_block1", "stage2_block1"] + [
        *("avg_pool", "predictions")
    ]
    _, _, _, stem, *_, predictions, softmax = inspection.operators
    assert (stem.kind, stem.macs) == ("CONV_2D", 16 * 16 * 8 * 3 * 3 * 3)
    assert stem.constants == 4 * (3 * 3 * 3 * 8 + 8)
    assert (softmax.kind, softmax.layer) == ("SOFTMAX", "predictions")
    assert (predictions.kind, predictions.macs) == ("FULLY_CONNECTED", 64 * 3)


def test_what_is_left_out_is_named(files: dict[str, Path], capfd: pytest.CaptureFixture) -> None:
    assert main(["inspect", str(files["int16x8"])]) == 0
    shown = capfd.readouterr().out
    assert "CONV_2D: no kernel for int16" in shown
    assert "ResNeSt, int16x8, 3 classes, takes pixels, gives probabilities" in shown


def test_what_is_known_of_obstacles(files: dict[str, Path]) -> None:
    operator = inspect(files["float32"].read_bytes()).operators[0]
    split = dataclasses.replace(operator, kind="SPLIT", outputs=8)
    assert split.obstacle == "8 outputs, of at most 4"
    concatenation = dataclasses.replace(operator, kind="CONCATENATION", inputs=6)
    assert concatenation.obstacle == "6 inputs, of at most 5"
    pool = dataclasses.replace(operator, kind="AVERAGE_POOL_2D", types=("int8",))
    assert pool.obstacle == "no kernel for int8"


def test_a_file_that_is_no_model(fails, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"\x00" * 4 + b"TFL3" + b"\x00" * 100)
    assert "Expected a .tflite file" in fails("inspect", path)
