"""What the tests at the borders share. `make hardening` runs all of them and prints their table."""

import json
import os
from pathlib import Path

import networks
import numpy as np
import pytest
from hardening.tally import Tally
from PIL import Image

SIDE = 32


@pytest.fixture
def tally():
    """Makes a `Tally`, which is checked at the end, and whose row goes to `$HARDENING_ROWS`."""
    tallies = []

    def make(kind, **arguments):
        tallies.append(Tally(kind, **arguments))
        return tallies[-1]

    yield make
    if path := os.environ.get("HARDENING_ROWS"):
        with open(path, "a") as file:
            file.writelines(json.dumps(one.row()) + "\n" for one in tallies)
    for one in tallies:
        one.check()


def sizes(few, many):
    """Parametrises a test with how much it tries: few in `make test`, many in `make hardening`."""
    return pytest.mark.parametrize("tries", [few, pytest.param(many, marks=pytest.mark.hardening)])


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """Three classes of eight noisy PNGs each."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name in ("blue", "green", "red"):
        (root / name).mkdir()
        for number in range(8):
            pixels = random.integers(0, 256, (40, 36, 3), "uint8")
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def model(photos, tmp_path_factory) -> Path:
    """A network that nobody trained, as training leaves one, with its card."""
    from keras_resnets import Card, Preprocessing

    path = tmp_path_factory.mktemp("run") / "best.keras"
    network = networks.small("ResNeXt", input_shape=(SIDE, SIDE, 3), classes=3)
    networks.randomise(network, np.random.default_rng(0))
    network.save(path)
    Card(
        architecture="ResNeXt",
        class_names=("blue", "green", "red"),
        preprocessing=Preprocessing(size=SIDE),
        data={"folder": str(photos)},
    ).save(path)
    return path


@pytest.fixture(scope="session")
def tflite_file(model, tmp_path_factory) -> Path:
    """The same network in float16."""
    from keras_resnets.cli import main

    folder = tmp_path_factory.mktemp("tflite")
    assert main(["export", str(model), "--quantize", "float16", "--output", str(folder)]) == 0
    (path,) = folder.glob("*.tflite")
    return path
