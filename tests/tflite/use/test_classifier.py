"""Predictions by the file and its runtime alone."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_resnets.errors import UserError
from tflite.cli import main
from tflite.file.flatbuffer import read, write
from tflite.use.classifier import Classifier


@pytest.mark.parametrize("mode", ["float32", "int8"])
def test_the_right_class_comes_first(
    files: dict[str, Path], photos: Path, capfd: pytest.CaptureFixture, mode: str
) -> None:
    shown = [photos / name / "1.png" for name in ("green", "red")]
    assert main(["predict", str(files[mode]), *map(str, shown), "--top", "2"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == str(shown[0])
    assert lines[3] == str(shown[1])
    assert lines[1].split()[1] == "green"
    assert lines[4].split()[1] == "red"
    assert float(lines[1].split()[0].rstrip("%")) > 40


def test_probabilities_are_keras_own(run: Path, files: dict[str, Path], photos: Path) -> None:
    from keras_resnets.preprocessing import read_image
    from tflite.trained import load

    source = load(run)
    photo = photos / "blue" / "3.png"
    expected = source.model.predict_on_batch(source.card.preprocessing(read_image(photo))[None])[0]
    found = Classifier.load(files["float32"]).probabilities(photo)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.sum() == pytest.approx(1)


def test_below_the_threshold_in_the_file_the_answer_is_unsure_and_flip_sees_both_sides(
    files: dict[str, Path], photos: Path
) -> None:
    photo = photos / "blue" / "3.png"
    classifier = Classifier.load(files["float32"])
    values = classifier.probabilities(photo)
    assert classifier.answer(photo).sure == bool(values.max() >= classifier.card.threshold)
    classifier.card = dataclasses.replace(classifier.card, threshold=1.0)
    assert classifier.answer(photo).name == "unsure"

    pixels = classifier.card.preprocessing.pixels(np.asarray(Image.open(photo)))
    (mirrored,) = classifier.of_images(pixels[None, :, ::-1])
    both = (values + mirrored) / 2
    flipped = Classifier.load(files["float32"], flip=True).probabilities(photo)
    np.testing.assert_allclose(flipped, both, atol=1e-5)


def test_one_classifier_serves_fifty_threads(files: dict[str, Path], photos: Path) -> None:
    shown = [
        (photos / name / f"{i}.png").read_bytes() for name in ("red", "blue") for i in range(8)
    ]
    for name in ("float32", "int8"):
        classifier = Classifier.load(files[name])
        alone = [classifier.probabilities(photo) for photo in shown]
        assert len({one.tobytes() for one in alone}) > 10
        with ThreadPoolExecutor(50) as pool:
            together = list(pool.map(classifier.probabilities, shown * 10))
        for found, expected in zip(together, alone * 10, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_an_answer_that_is_no_number_is_refused(files: dict[str, Path], photos: Path, monkeypatch):
    classifier = Classifier.load(files["float32"])
    # As broken weights make it; tests/hardening changes files until one does.
    monkeypatch.setattr(classifier, "_runner", lambda images: np.array([[np.nan, 0, 0]]))
    with pytest.raises(UserError, match="Received: NaN or infinity"):
        classifier.probabilities(photos / "red" / "0.png")


AT_ONCE = """
import sys
from keras_resnets.cli import main

file, photo = sys.argv[1:]
for words in ["inspect", file], ["snippet", file], ["predict", file, photo]:
    assert main(words) == 0
    heavy = {"keras", "tensorflow", "torch", "jax"} & set(sys.modules)
    assert not heavy, f"{words} imports {heavy}"
"""


def test_neither_keras_nor_tensorflow_is_needed(files: dict[str, Path], photos: Path) -> None:
    words = [files["int8"], photos / "red" / "0.png"]
    run = subprocess.run([sys.executable, "-c", AT_ONCE, *words], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_file_without_card_says_what_is_assumed(
    files: dict[str, Path], photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    model = read(files["float32"].read_bytes())
    model.metadata = None
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(write(model))
    assert main(["predict", str(bare), str(photos / "red" / "0.png")]) == 0
    captured = capfd.readouterr()
    assert "no card: assumed RGB" in captured.err
    assert "class 2" in captured.out


def test_files_that_are_no_models(fails, files: dict[str, Path], photos: Path, tmp_path) -> None:
    photo = photos / "red" / "0.png"
    content = files["float32"].read_bytes()
    broken = {
        "text": b"not a model at all",
        "empty": b"",
        "photo": photo.read_bytes(),
        "truncated": content[: len(content) // 2],
        "without its end": content[:-100],
        "zeros": content[:8] + bytes(len(content) - 8),
    }
    for name, wrong in broken.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(wrong)
        assert "Expected" in fails("predict", path, photo), name
    assert "missing.tflite" in fails("predict", tmp_path / "missing.tflite", photo)


def test_photos_that_are_none(fails, files: dict[str, Path], tmp_path: Path) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not a photo")
    error = fails("predict", files["float32"], text)
    assert "text.jpg" in error
    assert "a photo that can be decoded" in error
