"""The code to paste: Python's is run, the others must be for the file at hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from tflite.cli import main


def check_python(file: Path, photos: Path, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    shown = [str(photos / "red" / "0.png"), str(photos / "blue" / "1.png")]
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
    assert main(["snippet", str(int8), "--language", "kotlin"]) == 0
    error = fails("snippet", int16, "--language", "kotlin")
    assert "Received: int16 and int16" in error
    error = fails("snippet", int8, "--language", "swift")
    assert "Expected an input and an output of float32 or uint8" in error
    assert "Received: int8 and int8. Export without --integer-io" in error


@pytest.mark.parametrize(
    ("language", "parts"),
    [
        ("kotlin", ['openFd("ResNeSt.int8.tflite")', "listOf(123.675, 116.28, 103.53)"]),
        ("swift", ['forResource: "ResNeSt.int8"', "[Float] = [123.675, 116.28, 103.53]"]),
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
