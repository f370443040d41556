"""A tiny ResNeSt, trained for a few steps on coloured photos, and its files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tflite.convert.export import Exporter

SIZE = 16
CLASSES = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 PNG photos of three colours, in one folder a class."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for name, colour in CLASSES.items():
        (root / name).mkdir()
        for index in range(30):
            noise = random.normal(0, 60, (24, 20, 3))
            pixels = (np.asarray(colour) + noise).clip(0, 255).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="session")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder as training leaves it: a model that has learnt the colours, and its card."""
    import keras

    import keras_resnets
    from keras_resnets.card import Card
    from keras_resnets.data import evaluation_batches, open_data
    from keras_resnets.preprocessing import Preprocessing

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    folder.mkdir()
    preprocessing = Preprocessing(size=SIZE, crop_fraction=0.9)
    model = keras_resnets.ResNeSt(
        depths=(1, 1),
        planes=8,
        stem="small",
        stem_filters=8,
        weights=None,
        input_shape=(SIZE, SIZE, 3),
        classes=3,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    data = open_data(folder=str(photos))
    model.fit(
        evaluation_batches(data, "train", preprocessing, 16), epochs=12, shuffle=False, verbose=0
    )
    model.save(folder / "best.keras")
    Card(
        architecture="ResNeSt",
        class_names=data.class_names,
        preprocessing=preprocessing,
        data={"folder": str(photos)},
        provenance={"made for": "the tests"},
        threshold=0.4,
    ).save(folder / "best.keras")
    return folder


@pytest.fixture(scope="session")
def exporter(run: Path, photos: Path) -> "Exporter":
    """Of the run, with 30 calibration images: from pixels to probabilities."""
    from keras_resnets.data import open_data
    from tflite.convert.export import Exporter, Options
    from tflite.trained import load

    return Exporter(load(run), open_data(folder=str(photos)), Options(calibration_images=30))


@pytest.fixture(scope="session")
def files(run: Path) -> dict[str, Path]:
    """The run exported in every number format, by its name: from pixels to probabilities."""
    from tflite.cli import main

    formats = ["none", "float16", "dynamic", "int8", "int16x8"]
    assert main(["export", str(run), "--quantize", *formats]) == 0
    return {path.name.split(".")[1]: path for path in (run / "tflite").glob("*.tflite")}


@pytest.fixture
def fails(capfd: pytest.CaptureFixture) -> Callable[..., str]:
    """Runs a command that must end with status 2 and one line of error, which it returns."""
    from tflite.cli import main

    def failing(*argv: object) -> str:
        capfd.readouterr()
        assert main([str(argument) for argument in argv]) == 2
        error = capfd.readouterr().err.strip()
        assert error.startswith("error: ")
        assert "\n" not in error
        return error

    return failing
