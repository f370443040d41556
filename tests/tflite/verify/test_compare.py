"""Files against Keras, their errors layer by layer, and their speed."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflite.cli import main
from tflite.convert.export import Exporter
from tflite.file.packing import unpack
from tflite.trained import load
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
    assert found.differs("other").tolist() == [False, False, False, True]


def test_of_many_labels_each_is_decided() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1]])
    model = np.array([[0.9, 0.1, 0.6], [0.4, 0.3, 0.2], [0.9, 0.9, 0.4]])
    other = np.array([[0.8, 0.1, 0.7], [0.4, 0.6, 0.2], [0.9, 0.9, 0.6]])
    found = Probabilities(labels, model, {"other": other})
    assert found.right(model).tolist() == [True, True, False]
    assert found.right(other).tolist() == [True, False, True]
    assert found.agreement("other") == pytest.approx(1 / 3)


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


def test_any_two_models_are_compared(
    run: Path,
    files: dict[str, Path],
    photos: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
) -> None:
    trained = load(run)
    trained.model.export(tmp_path / "saved", verbose=False)
    served = ["--to", "saved_model", "--output", str(tmp_path), "--images", "1"]
    assert main(["export", str(run), *served]) == 0
    (ours,) = (
        path.parent for path in tmp_path.glob("*/saved_model.pb") if path.parent.name != "saved"
    )
    capfd.readouterr()
    pairs = [(ours, run), (ours, tmp_path / "saved")]
    pairs += [(run / "best.keras", run), (tmp_path / "saved", run), (run, tmp_path / "saved")]
    pairs += [(files["int8"], files["float32"]), (tmp_path / "saved", files["float16"])]
    for model, reference in pairs:
        # Either way of naming it.
        named = [str(reference)] if model == ours else ["--against", str(reference)]
        arguments = [*named, "--data", str(photos)]
        assert main(["verify", str(model), *arguments]) == 0
        first, second = capfd.readouterr().out.splitlines()[3:5]
        assert first.startswith(reference.name)
        assert second.startswith(model.name)
        assert "100.00%" in second


def test_neither_model_with_a_card_and_layers_of_no_file_are_refused(
    run: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    load(run).model.export(tmp_path / "saved", verbose=False)
    error = fails("verify", tmp_path / "saved", "--against", tmp_path / "saved")
    assert "Expected a model with a card" in error
    error = fails("verify", run, "--against", run, "--layers")
    assert "Expected a .tflite file, and a run or .keras file" in error
    error = fails("verify", run, tmp_path / "saved", "--against", run)
    assert f"Received: {tmp_path / 'saved'} and --against {run}." in error


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
    assert "Expected a file in RUN/tflite, or --against MODEL" in fails("verify", elsewhere)


def test_images_are_those_of_whichever_card_names_some(
    run: Path, files: dict[str, Path], capfd: pytest.CaptureFixture, fails
) -> None:
    for pair in ((run, files["int8"]), (files["int8"], run)):
        assert main(["verify", *map(str, pair)]) == 0
        assert "test split of photos" in capfd.readouterr().out
    error = fails("verify", files["int8"], files["float32"])
    assert "models whose cards name none. Give --data FOLDER" in error


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
    assert predictions.relative > 0.0001


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


def test_classes_in_another_order_are_met_by_name(
    run: Path, files: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """Also where the one in this order names the images, and the other is what it is compared with."""
    trained = load(run)
    assert main(["verify", str(files["float32"]), str(run)]) == 0
    rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    (right,) = {row[1] for row in rows if row and row[0] == run.name}
    last = trained.model.layers[-1]
    order = np.roll(np.arange(len(trained.card.class_names)), 1)
    last.set_weights([weights[..., order] for weights in last.get_weights()])
    other = tmp_path / "other.keras"
    trained.model.save(other)
    names = tuple(trained.card.class_names[place] for place in order)
    dataclasses.replace(trained.card, class_names=names, data=None).save(other)
    for pair in ((run, other), (other, run)):
        assert main(["verify", *map(str, pair)]) == 0
        rows = [line.split() for line in capfd.readouterr().out.splitlines()]
        assert {row[1] for row in rows if row and row[0] in {run.name, other.name}} == {right}
