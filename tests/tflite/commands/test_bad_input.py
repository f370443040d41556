"""What an export cannot work with, each in one line."""

import json
import shutil
from pathlib import Path

import keras
import pytest

from tflite.cli import main
from tflite.convert.converter import convert
from tflite.trained import load


def test_a_missing_run(fails, tmp_path: Path) -> None:
    assert "no such file or folder" in fails("export", tmp_path / "nothing")
    assert "a folder that holds []" in fails("export", tmp_path)


def test_a_run_without_card(fails, run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "best.keras", tmp_path)
    assert "Expected a model card" in fails("export", tmp_path)


def test_a_card_of_another_model(run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "best.keras", tmp_path)
    card = json.loads((run / "best.card.json").read_text())
    card["class_names"] = ["one", "two"]
    (tmp_path / "best.card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="as many classes .* has outputs, 3. Received: 2"):
        load(tmp_path)


def test_a_target_that_cannot_be_written(fails, run: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert "Expected a folder to write to" in fails("export", run, "--output", blocked)
    assert blocked.read_text() == "in the way"


def test_a_read_only_target(
    fails, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not bind the superuser, as whom tests may run.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "read-only" in fails("export", run, "--output", tmp_path)


def test_calibration_without_images(fails, run: Path, tmp_path: Path) -> None:
    shutil.copy(run / "best.keras", tmp_path)
    card = json.loads((run / "best.card.json").read_text())
    (tmp_path / "best.card.json").write_text(json.dumps({**card, "data": None}))
    assert "--data FOLDER" in fails("export", tmp_path, "--quantize", "int8")
    assert not list((tmp_path / "tflite").glob("*"))


# The program shows it.
@pytest.mark.filterwarnings("default:The images that the card names")
def test_a_run_without_its_photos(
    fails, run: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    shutil.copy(run / "best.keras", tmp_path)
    card = json.loads((run / "best.card.json").read_text())
    moved = {**card, "data": {"folder": str(tmp_path / "gone")}}
    (tmp_path / "best.card.json").write_text(json.dumps(moved))
    assert "gone" in fails("export", tmp_path, "--quantize", "none", "int8")
    assert not list((tmp_path / "tflite").glob("*"))
    assert main(["export", str(tmp_path), "--quantize", "none"]) == 0
    shown = capfd.readouterr()
    assert "warning: The images that the card names cannot be had" in shown.err
    assert "not compared with Keras: no images" in shown.out
    assert (tmp_path / "tflite" / "ResNeSt.float32.tflite").is_file()
    assert not (tmp_path / "tflite" / "report.json").exists()


def test_too_few_calibration_images(fails, run: Path, tmp_path: Path) -> None:
    error = fails(
        *("export", run, "--quantize", "int8", "--output", tmp_path, "--calibration-images", "3")
    )
    assert "at least 10 images for calibration" in error


def test_images_of_other_classes(fails, run: Path, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    (other / "red").rename(other / "yellow")
    error = fails("export", run, "--data", other, "--output", tmp_path / "out")
    assert "images of 'yellow', which are none" in error


def test_a_model_that_is_no_classifier(run: Path) -> None:
    from tflite.convert.head import head_of

    model = load(run).model
    headless = keras.Model(model.input, model.get_layer("avg_pool").output)
    with pytest.raises(ValueError, match="whose last layer is Dense.*Received: .*avg_pool"):
        head_of(headless)


class Bessel(keras.layers.Layer):
    def call(self, inputs):
        import tensorflow as tf

        return tf.math.bessel_i0e(inputs)


def test_an_unsupported_layer_is_named() -> None:
    images = keras.Input(batch_shape=(1, 8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D()(Bessel(name="odd")(images))
    model = keras.Model(images, keras.layers.Dense(2)(features))
    with pytest.raises(ValueError, match="Received: tf.BesselI0e in odd.*Replace the layers"):
        convert(model)


def test_neither_or_both_sources(fails, run: Path) -> None:
    assert "either a run folder" in fails("export")
    assert "either a run folder" in fails("export", run, "--model", "ResNeXt50")


def test_an_unknown_network(fails) -> None:
    error = fails("export", "--model", "ResNeSt15", "--weights", "none")
    assert "Did you mean" in error
    assert "ResNeSt14" in error
