"""`keras-resnets train --quantize int8 --from RUN`: what is trained is what is exported."""

import numpy as np
import pytest

import keras_resnets
from keras_resnets.data import open_data
from keras_resnets.quantization import Int8Simulation
from tflite.convert.export import Exporter, Options
from tflite.file.runtime import Runner
from tflite.formats import INT8
from tflite.quantize.ranges import calibration_images
from tflite.trained import load
from training.cli import main
from training.run.folder import read_config


@pytest.fixture(scope="module")
def runs(tiny_recipe, tmp_path_factory):
    """A run in floating point, and the one that goes on from it for int8."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = folder / "in float", folder / "für int8"
    alone = ["--devices", "1"]  # other tests of this process have used TensorFlow
    assert main(["train", "--recipe", str(tiny_recipe), "--run", str(first), *alone]) == 0
    arguments = ["--quantize", "int8", "--from", str(first), "--run", str(second), "--epochs", "1"]
    assert main(["train", *arguments, *alone]) == 0
    return first, second


def test_the_run_keeps_its_photos_and_learns_at_the_recipes_rate(runs):
    first, second = map(read_config, runs)
    assert second.quantize == "int8"
    assert second.data == first.data
    assert second.augmentation == first.augmentation
    assert second.model.weights == str((runs[0] / "best.keras").resolve())
    assert (second.optimizer.name, second.optimizer.learning_rate) == ("adam", 1e-4)
    assert second.averaging.ema is None


def test_the_file_says_what_the_simulation_says(runs, photos):
    trained = load(runs[1])
    assert isinstance(trained.model, Int8Simulation)
    data = open_data(folder=str(photos))
    exporter = Exporter(trained, data, Options(gives_logits=True))
    assert str(exporter.plan(INT8)) == "learned ranges"
    pixels = np.concatenate(calibration_images(data, trained.card.preprocessing, 45, pixels=True))
    normalised = np.concatenate(calibration_images(data, trained.card.preprocessing, 45))
    found = Runner(exporter._quantized(INT8, ()))(pixels)
    expected = np.log(trained.model.predict_on_batch(normalised))
    exact = np.log(trained.model.network.predict_on_batch(normalised))
    difference = centred(found) - centred(expected)
    # Of logits in 8 bits, a step; and what rounding does is simulated, not left out.
    assert np.abs(difference).max() < (found.max() - found.min()) / 255
    error = np.square(centred(exact) - centred(expected)).mean()
    assert np.square(difference).mean() < error / 4
    assert (found.argmax(-1) == expected.argmax(-1)).all()


def centred(logits):
    """Logits without the constant that a softmax takes no notice of."""
    return logits - logits.mean(-1, keepdims=True)


def test_what_training_moved(runs):
    """Weights and ranges, from what the first photos gave."""
    network = load(runs[1]).model
    begun = keras_resnets.deploy(load(runs[0]).model)
    moved = [
        np.abs(after - before).max()
        for before, after in zip(begun.get_weights(), network.network.get_weights(), strict=True)
    ]
    assert min(moved) > 0
    assert max(moved) < 0.2
    lows, highs = np.transpose(list(network.ranges.values()))
    assert (lows <= 0).all()
    assert (highs > 0.01).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--quantize", "int8"], "--quantize int8 and --from RUN together"),
        (["--from", "RUN"], "--quantize int8 and --from RUN together"),
        (
            ["--quantize", "int8", "--from", "RUN", "--model", "ResNeSt14"],
            "Received: --quantize, --f",
        ),
        (["--quantize", "int8", "--from", "nowhere"], "nowhere"),
        (["--recipe", "int8", "--data", "PHOTOS"], "Name its run: keras-resnets train --quantize"),
    ],
)
def test_what_cannot_be(runs, photos, capfd, arguments, words):
    places = {"RUN": str(runs[0]), "PHOTOS": str(photos)}
    assert main(["train", *(places.get(one, one) for one in arguments)]) == 2
    assert words in capfd.readouterr().err


def test_a_run_for_int8_is_not_gone_on_from(runs, capfd):
    assert main(["train", "--quantize", "int8", "--from", str(runs[1])]) == 2
    assert "Expected a run in floating point" in capfd.readouterr().err
