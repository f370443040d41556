"""The code to paste: Python's is run, the others must be for the file at hand."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tflite.cli import main
from tflite.file.flatbuffer import read, write
from tflite.file.packing import pack, unpack
from tflite.use.snippet import snippet


def odd_photos(folder: Path) -> list[str]:
    """A turned one, a transparent one, and one of 12 bits."""
    random = np.random.default_rng(0)
    colours = random.integers(256, size=(20, 30, 4), dtype="uint8")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours[..., :3]).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(colours).save(folder / "transparent.png")
    Image.fromarray(random.integers(4096, size=(20, 30), dtype="uint16")).save(folder / "deep.png")
    return [str(folder / name) for name in ("turned.jpg", "transparent.png", "deep.png")]


def check_python(file: Path, photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    shown = [str(photos / "red" / "0.png"), str(photos / "blue" / "1.png"), *odd_photos(tmp_path)]
    capfd.readouterr()
    assert main(["snippet", str(file)]) == 0
    script = tmp_path / "classify.py"
    script.write_text(capfd.readouterr().out)
    assert main(["predict", str(file), *shown]) == 0
    expected = capfd.readouterr().out
    # From elsewhere: the code needs nothing of this package.
    found = subprocess.run(
        [sys.executable, script, *shown], capture_output=True, text=True, cwd=tmp_path
    )
    assert found.stdout == expected, found.stderr


@pytest.mark.parametrize("mode", ["float32", "int8"])
def test_python_runs_and_says_what_predict_says(
    files: dict[str, Path],
    photos: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
    mode: str,
) -> None:
    check_python(files[mode], photos, tmp_path, capfd)


def test_integer_inputs(
    fails, run: Path, photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    arguments = ["export", str(run), "--quantize", "int8", "int16x8", "--integer-io"]
    arguments += ["--normalised-input", "--logits"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    int8, int16 = (tmp_path / f"ResNeSt.{mode}.tflite" for mode in ("int8", "int16x8"))
    check_python(int8, photos, tmp_path, capfd)
    check_python(int16, photos, tmp_path, capfd)
    for language in ("kotlin", "swift"):
        error = fails("snippet", int8, "--language", language)
        assert "Expected an input and an output of float32 or uint8" in error
        assert "Received: int8 and int8. Export without --integer-io" in error
    assert "Received: int16 and int16" in fails("snippet", int16, "--language", "kotlin")


def test_any_name_of_file_and_classes(
    files: dict[str, Path], photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    content = files["float32"].read_bytes()
    card = unpack(content)
    assert card is not None
    names = ("a\nb", "\u2028${x}", "\"'\\\x1c")
    folder = tmp_path / 'C:\\new\\table "${1}" \n\'é'
    folder.mkdir()
    file = folder / 'a"\\n${System.exit(1)}\\(x).tflite'
    tables = read(content)
    tables.metadata = None
    file.write_bytes(pack(write(tables), dataclasses.replace(card, class_names=names)))
    check_python(file, photos, tmp_path, capfd)
    for language, quoted in (
        ("kotlin", r'open("a\"\\n\${System.exit(1)}\\(x).tflite")'),
        ("swift", r'forResource: "a\"\\n${System.exit(1)}\\(x)"'),
    ):
        assert main(["snippet", str(file), "--language", language]) == 0
        assert quoted in capfd.readouterr().out


NORMALISED = {
    "kotlin": ("listOf(123.675, 116.28, 103.53)", "listOf(58.395, 57.12, 57.375)"),
    "swift": ("[Float] = [123.675, 116.28, 103.53]", "[Float] = [58.395, 57.12, 57.375]"),
}


@pytest.mark.parametrize("language", NORMALISED)
def test_others_hand_over_what_the_file_takes(files: dict[str, Path], language: str) -> None:
    card = unpack(files["float32"].read_bytes())
    assert card is not None
    types = ("float32", "float32")
    pixels = snippet(files["float32"], card, types, language)
    images = snippet(
        files["float32"], dataclasses.replace(card, takes_pixels=False), types, language
    )
    for part in NORMALISED[language]:
        assert part in images
        assert part not in pixels


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("kotlin", ['open("ResNeSt.int8.tflite")', "writeInt8(ByteArray(pixels.size)"]),
        ("swift", ['forResource: "ResNeSt.int8"', "inputs[0].write(pixels(photo))"]),
    ],
)
def test_others_are_of_the_file(
    files: dict[str, Path], capfd: pytest.CaptureFixture, language: str, parts: list[str]
) -> None:
    assert main(["snippet", str(files["int8"]), "--language", language]) == 0
    code = capfd.readouterr().out
    for part in [*parts, "17", "16", "3 classes"]:
        assert part in code
    assert "$" not in code.replace("$0", "").replace("$1", "")
    assert code.count("{") == code.count("}")
    assert code.count("(") == code.count(")")
