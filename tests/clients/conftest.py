"""20 photos, and the default files of each family."""

from collections.abc import Callable
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

SIDE = 64
NAMES = ('a, b; "c"', "d\ne", "\N{HONEYBEE} \N{LATIN SMALL LETTER E WITH ACUTE} \u05e9\u05dc\u202e")
# Cut out before the model sees it: MediaPipe stretches a photo where we cut its centre out.
PREPROCESSING = Preprocessing(size=SIDE, crop_fraction=1.0)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """20 photos, portrait, landscape, grey and transparent ones, as the model sees them."""
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


@pytest.fixture(scope="session")
def files_of(
    photos: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[Path]]:
    """The files of a family in every format, of bytes and of floats."""
    known: dict[str, list[Path]] = {}

    def files(family: str) -> list[Path]:
        if family not in known:
            known[family] = list(_export(family, photos, tmp_path_factory.mktemp(family)))
        return known[family]

    return files


def _export(family, photos, folder):
    random = np.random.default_rng(0)
    model = networks.randomise(networks.small(family, classes=3), random)
    pixels = np.stack([np.asarray(Image.open(photo)) for photo in photos])
    networks.settle(model, PREPROCESSING.normalize(pixels))
    trained = TrainedModel(model, Card(family, NAMES, PREPROCESSING), folder)
    for takes in ("uint8", "float32"):
        exporter = Exporter(trained, None, Options(calibration_method="min-max", input=takes))
        exporter.calibration = [image[None] for image in pixels]
        for format in (FLOAT32, FLOAT16, DYNAMIC, INT8):
            file = folder / f"{takes}.{format.name}.tflite"
            file.write_bytes(exporter.file(format))
            yield file
