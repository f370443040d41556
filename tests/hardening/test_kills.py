"""Commands killed at random moments: what they leave is whole or gone, and the next call goes on."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from references.draw import draw_tensors
from safetensors.numpy import save_file

PROGRAM = "import sys; from keras_resnets.cli import main; sys.exit(main())"
REFERENCES = Path(__file__).parent.parent / "references" / "data"
ROOT = Path(__file__).parents[2]
NETWORK = {
    "model.arguments": "{depths: [1], planes: 8, stem: small, stem_filters: 8}",
    "preprocessing": "{size: 32, crop_fraction: 1.0}",
    "saving": "{every: 2, unit: steps}",
}


def start(folder, arguments):
    """The program as a user starts it, in a folder; what it says goes to `said` there."""
    with open(folder / "said", "w") as said:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=said,
            stderr=said,
        )


class Training:
    """A run, of which the last model counts."""

    is_refused_when_finished = True

    def __init__(self, photos, model, checkpoint):
        settings = [f"--set={key}={value}" for key, value in NETWORK.items()]
        self.arguments = [
            *("train", "--recipe", "demo", "--data", photos, "--model", "ResNeXt", "--run", "made"),
            *("--epochs", "4", "--batch-size", "4", *settings),
        ]

    def made(self, folder):
        run = folder / "made"
        if not (run / "evaluation.json").exists():
            return None
        return keras.models.load_model(run / "last.keras", compile=False).get_weights()


class Export:
    """A file in two formats."""

    is_refused_when_finished = False

    def __init__(self, photos, model, checkpoint):
        self.arguments = [
            *("export", model, "--quantize", "none", "float16", "--output", "made", "--force")
        ]

    def made(self, folder):
        files = sorted((folder / "made").glob("*.tflite"))
        if len(files) < 2 or not (folder / "made" / "report.json").exists():
            return None
        json.loads((folder / "made" / "report.json").read_text("utf-8"))
        return [np.frombuffer(path.read_bytes(), "uint8") for path in files]


class Conversion:
    """A checkpoint as a `.keras` file with its card."""

    is_refused_when_finished = False

    def __init__(self, photos, model, checkpoint):
        self.arguments = [
            *("convert", checkpoint, "--model", "ReXNetLite100", "--output", "made.keras"),
            "--force",
        ]

    def made(self, folder):
        if not (folder / "made.card.json").exists():
            return None
        json.loads((folder / "made.card.json").read_text("utf-8"))
        return keras.models.load_model(folder / "made.keras", compile=False).get_weights()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoint") / "drawn.safetensors"
    with np.load(REFERENCES / "rexnet_lite_100.npz") as reference:
        shapes = json.loads(str(reference["keys"]))
    save_file(draw_tensors("rexnet_lite_100", shapes), path)
    return path


def finished(command, folder):
    """Runs a command to its end and returns what it made."""
    folder.mkdir(exist_ok=True)
    with start(folder, command.arguments) as process:
        code = process.wait(timeout=300)
    said = (folder / "said").read_text("utf-8")
    assert code == 0, said
    assert "Traceback" not in said
    return command.made(folder)


def same(made, expected):
    return len(made) == len(expected) and all(map(np.array_equal, made, expected))


# The default tests kill a process at chosen moments.
@pytest.mark.hardening
@pytest.mark.parametrize("tries", [17])
@pytest.mark.parametrize("kind", [Conversion, Export, Training])
def test_a_kill_leaves_nothing_half(
    kind, tries, tally, photos, model, checkpoint, tmp_path, request
):
    command = kind(photos, model, checkpoint)
    began = time.monotonic()
    expected = finished(command, tmp_path / "straight")
    seconds = time.monotonic() - began
    assert expected is not None
    names = {path.name for path in (tmp_path / "straight").rglob("*")}

    count = tally("kills of training, export and convert", seconds=300)
    draw = random.Random(0)
    folder = tmp_path / "killed"
    folder.mkdir()
    for number in range(tries):
        with start(folder, command.arguments) as process:
            # The first third is Python and its imports.
            time.sleep(seconds * draw.uniform(0.3, 1.0))
            process.kill()
        # Whatever is there under its own name is whole.
        count.attempt(f"{kind.__name__} {number}", lambda: _whole(command, folder, expected))
        if command.is_refused_when_finished and command.made(folder) is not None:
            shutil.rmtree(folder / "made")  # it was faster than the kill: once more from the start
    count.attempt(f"{kind.__name__} to its end", lambda: same(finished(command, folder), expected))
    left = {path.name for path in folder.rglob("*")} - names
    count.attempt(f"{kind.__name__} leaves nothing: {left}", lambda: not left)


def _whole(command, folder, expected):
    made = command.made(folder)
    return made is None or same(made, expected)
