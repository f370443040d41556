"""Files against Keras, their errors layer by layer, and their speed."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflite.cli import main
from tflite.convert.export import Exporter
from tflite.file.packing import unpack
from tflite.verify.compare import Probabilities
from tflite.verify.layer_error import layer_errors


def test_numbers_of_a_comparison() -> None:
    keras = np.eye(4)[[0, 1, 2, 3]]
    other = keras.copy()
    other[3] = [0, 0, 0.5, 0.25]
    found = Probabilities(np.array([0, 1, 2, 0]), keras, {"other": other})
    assert found.accuracy(keras) == 0.75
    assert found.agreement("other") == 0.75
    assert found.largest_difference("other") == 0.75


def test_verify_passes_draws_and_lists_layers(
    run: Path, files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    page = tmp_path / "worst.png"
    arguments = ["--against", str(run), "--worst", str(page), "--layers"]
    assert main(["verify", str(files["int8"]), *arguments]) == 0
    shown = capfd.readouterr().out
    for layer in ("stem", "stage1_block1", "stage2_block1", "predictions"):
        assert f"\n{layer} " in shown
    with Image.open(page) as image:
        assert image.width == 990


def test_verify_fails_below_the_agreement(
    files: dict[str, Path], capfd: pytest.CaptureFixture
) -> None:
    """Against the run in whose folder the file lies, as none is named."""
    assert main(["verify", str(files["float32"]), "--min-agreement", "1.01"]) == 1
    assert "agreement 100.00% is below 101.00%" in capfd.readouterr().out


def test_a_file_outside_of_a_run_needs_the_run_named(
    files: dict[str, Path], tmp_path: Path, fails: Callable[..., str]
) -> None:
    elsewhere = tmp_path / "model.tflite"
    elsewhere.write_bytes(files["float32"].read_bytes())
    assert "Expected a file in RUN/tflite, or --against RUN" in fails("verify", elsewhere)


def test_layer_errors_start_small_in_int8(exporter: Exporter, files: dict[str, Path]) -> None:
    images = exporter.calibration[:3]
    card = unpack(files["int8"].read_bytes())
    assert card is not None
    exact = layer_errors(exporter.float_model, exporter.float_model, card.layers, images)
    assert [error.relative for error in exact] == [0.0] * len(exact)
    errors = layer_errors(exporter.float_model, files["int8"].read_bytes(), card.layers, images)
    normalize, stem, *_, predictions = errors
    assert (normalize.layer, stem.layer, predictions.layer) == ("normalize", "stem", "predictions")
    assert 0.001 < stem.relative < 0.1
    assert predictions.relative > 0.001


def test_benchmark_writes_numbers_and_a_plot(
    files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    numbers, plot = tmp_path / "numbers.json", tmp_path / "plot.png"
    chosen = [str(files[mode]) for mode in ("float32", "int8")]
    options = ["--runs", "20", "--warm-up", "2", "--json", str(numbers), "--plot", str(plot)]
    assert main(["benchmark", *chosen, *options]) == 0
    rows = json.loads(numbers.read_text())
    assert [row["file"] for row in rows] == ["ResNeSt.float32.tflite", "ResNeSt.int8.tflite"]
    for row in rows:
        assert 0 < row["p10_ms"] <= row["median_ms"] <= row["p90_ms"]
        assert row["peak_bytes"] > 10e6
    assert "20 calls of one image, 1 thread(s)" in capfd.readouterr().out
    with Image.open(plot) as image:
        assert image.size == (1100, 440)


def test_benchmark_of_what_is_no_model(fails, tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_text("no model")
    assert "Expected a .tflite file" in fails("benchmark", path)
