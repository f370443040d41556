"""MediaPipe Tasks takes the default files and says what we say. `make test-clients` runs it."""

import json
import subprocess
from pathlib import Path

import networks
import numpy as np
import pytest
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.preprocessing import Preprocessing, read_image
from tflite.convert.export import Exporter, Options
from tflite.formats import DYNAMIC, FLOAT16, FLOAT32, INT8
from tflite.trained import TrainedModel
from tflite.use.classifier import Classifier

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / ".venvs" / "clients" / "bin" / "python"
SIDE = 64
NAMES = ("a", "b c", "d\N{LATIN SMALL LETTER E WITH ACUTE}")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """20 photos, portrait, landscape, grey and transparent ones, as the model sees them.

    MediaPipe stretches a photo where we cut its centre out: the cut is made here.
    """
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    preprocessing = Preprocessing(size=SIDE)
    shown = []
    for number in range(20):
        height, width = random.integers(70, 120, size=2)
        coarse = random.integers(256, size=(5, 5, 4), dtype="uint8")
        mode = ("RGB", "L", "RGBA")[number % 3]
        image = Image.fromarray(coarse).resize((width, height)).convert(mode)
        image.save(folder / f"{number}.source.png")
        pixels = preprocessing.pixels(read_image(folder / f"{number}.source.png"))
        shown.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(shown[-1])
    return shown


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_it_says_what_we_say(family, photos, tmp_path):
    random = np.random.default_rng(0)
    preprocessing = Preprocessing(size=SIDE, crop_fraction=1.0)
    model = networks.randomise(networks.small(family, classes=3), random)
    pixels = np.stack([np.asarray(Image.open(photo)) for photo in photos])
    networks.settle(model, preprocessing.normalize(pixels))
    trained = TrainedModel(model, Card(family, NAMES, preprocessing), tmp_path)
    exporter = Exporter(trained, None, Options(calibration_method="min-max"))
    exporter.calibration = [image[None] for image in pixels]
    files = []
    for format in (FLOAT32, FLOAT16, DYNAMIC, INT8):
        files.append(tmp_path / f"{format.name}.tflite")
        files[-1].write_bytes(exporter.file(format))
    said = subprocess.run(
        [CLIENT, ROOT / "tests" / "clients" / "classify.py", *photos, "--", *files],
        capture_output=True,
        text=True,
        check=True,
    )
    for file, answers in zip(files, json.loads(said.stdout), strict=True):
        ours = Classifier.load(file)
        for photo, answer in zip(photos, answers, strict=True):
            expected = ours.probabilities(photo)
            found = np.array([answer[name] for name in NAMES])
            np.testing.assert_allclose(found, expected, atol=0.01)
            assert found.argmax() == expected.argmax()
