"""`evaluate` of a model by its name, with weights of its own."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from references.draw import draw_tensors
from safetensors.numpy import save_file

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.data import evaluation_batches, open_data
from keras_resnets.preprocessing import Preprocessing
from training.cli import main

VARIANT = "ReXNetLite100"
# A file that has no card beside it is measured as networks are usually used, and that is said.
pytestmark = pytest.mark.filterwarnings("ignore::keras_resnets.card.AssumptionWarning")
REFERENCE = Path(__file__).parents[2] / "references" / "data" / "rexnet_lite_100.npz"
# As the card beside the file says; ImageNet's where there is none.
SIZES = {".weights.h5": 224, ".safetensors": 64, ".keras": 64}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same drawn weights of three classes in each format."""
    folder = tmp_path_factory.mktemp("weights")
    paths = {suffix: folder / f"of{SIZES[suffix]}{suffix}" for suffix in SIZES}
    with np.load(REFERENCE) as reference:
        keys = json.loads(str(reference["keys"]))
    shapes = {key: [3 if side == 1000 else side for side in keys[key]] for key in keys}
    save_file(draw_tensors("rexnet_lite_100", shapes), paths[".safetensors"])
    model = keras_resnets.create_model(VARIANT, weights=paths[".safetensors"], classes=3)
    model.save_weights(paths[".weights.h5"])
    model.save(paths[".keras"])
    small = Preprocessing(size=64, crop_fraction=1.0)
    Card(VARIANT, ("blue", "green", "red"), small).save(paths[".keras"])
    return paths


@pytest.fixture
def refused(capsys, photos):
    def run(*arguments: object) -> str:
        assert main(["evaluate", *map(str, arguments)]) == 2
        return capsys.readouterr().err

    return run


def _wilson(share, images):
    """The shares whose distance from the one found is 1.96 of their own standard errors."""
    z2 = 1.959964**2
    return sorted(np.roots([1 + z2 / images, -2 * share - z2 / images, share**2]).real)


def _calibration_error(confidence, correct):
    """Guo et al., 2017, equation 3, with 15 bins."""
    total = 0.0
    for index in range(15):
        inside = (confidence >= index / 15) & (confidence < (index + 1) / 15)
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.parametrize("suffix", SIZES)
def test_a_named_model_with_weights_is_measured(files, photos, tmp_path, capsys, suffix):
    path, out = files[suffix], tmp_path / "numbers.json"
    arguments = [VARIANT, photos, "--weights", path, "--out", out]
    assert main(["evaluate", *map(str, arguments), "--split", "train"]) == 0

    crop_fraction = 1.0 if SIZES[suffix] == 64 else 0.875
    preprocessing = Preprocessing(size=SIZES[suffix], crop_fraction=crop_fraction)
    data = open_data(folder=str(photos))
    batches = list(evaluation_batches(data, "train", preprocessing, 64))
    model = keras_resnets.create_model(
        VARIANT, weights=path, classes=3, input_shape=(*preprocessing.shape, 3)
    )
    labels = np.concatenate([truth.numpy() for _, truth in batches])
    probabilities = np.concatenate([model.predict_on_batch(images) for images, _ in batches])
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    top1, images = correct.mean(), len(labels)
    assert images == data.sizes["train"]

    found = json.loads(out.read_text())
    assert found["images"] == images
    assert found["split"] == "train"
    assert found["top1"] == top1
    assert found["top1_interval"] == pytest.approx(_wilson(top1, images))
    # Of three classes, the right one is always among five.
    assert found["top5"] == 1
    assert found["top5_interval"] == pytest.approx([images / (images + 1.959964**2), 1])
    error = _calibration_error(confidence, correct)
    assert found["calibration_error"] == pytest.approx(error, rel=1e-4)
    low, high = found["calibration_error_interval"]
    assert low < error < high
    assert [entry["class"] for entry in found["classes"]] == ["blue", "green", "red"]

    low, high = (f"{bound:.2%}" for bound in _wilson(top1, images))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{images} images of the train split"
    assert lines[1].split() == ["top1", f"{top1:.2%}", f"({low}", "to", f"{high})"]
    assert lines[2].split()[:2] == ["top5", "100.00%"]
    assert lines[3].startswith("calibration error ")
    assert f" {error:.2%} " in lines[3]


def test_a_model_is_named_once_and_so_is_a_folder(refused, photos):
    assert "Expected what to evaluate: a run folder" in refused("--data", photos)
    assert "Expected MODEL or --model. Received both: a, b." in refused("a", "--model", "b")
    both = refused(VARIANT, photos, "--data", photos)
    assert both.startswith("error: Expected FOLDER or --data. Received both: ")


def test_an_unknown_model(refused, photos):
    message = refused("--model", "ReXNetLite10", "--data", photos)
    assert "Unknown model" in message
    assert "ReXNetLite100" in message


def test_weights_that_are_not_there(refused, photos, tmp_path):
    message = refused("--model", VARIANT, "--weights", tmp_path / "no.keras", "--data", photos)
    assert message == f"error: There is no checkpoint at {tmp_path / 'no.keras'}.\n"


def test_weights_of_another_network(refused, files, photos):
    message = refused("--model", "ReXNet100", "--weights", files[".weights.h5"], "--data", photos)
    assert f"{files['.weights.h5']} does not fit ReXNet100: " in message


def test_weights_for_other_classes(refused, files, photos, tmp_path):
    for name in ("blue", "red"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).symlink_to(photos / name)
    arguments = ["--model", VARIANT, "--data", tmp_path / "two", "--weights"]
    message = refused(*arguments, files[".weights.h5"])
    assert "Expected images of the 3 classes 'class 0', 'class 1', 'class 2'." in message
    assert "images of 'blue', 'red', which are none of these" in message
    # The card beside this one names its classes, and these two are among them.
    assert main(["evaluate", *map(str, arguments), str(files[".safetensors"])]) == 0


def test_published_weights_are_not_downloaded_for_other_classes(refused, photos):
    message = refused("--model", "ReXNet100", "--data", photos)
    assert "Expected images of the 1000 classes 'tench', 'goldfish'" in message
    assert "images of 'blue', 'green', 'red', which are none of these" in message


def test_a_data_set_that_cannot_be_reached(refused, monkeypatch, tmp_path):
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    message = refused("--model", VARIANT, "--dataset", "cifar10", "--data-dir", tmp_path)
    assert message.startswith("error: Expected to download cifar10 into ")
    assert "Check the network" in message


def test_a_named_model_has_no_data_of_its_own(refused):
    assert "Expected --data FOLDER or --dataset NAME" in refused("--model", VARIANT)


@pytest.fixture
def model(tmp_path, photos):
    """A small one, of three classes, that was trained on photos without a test split."""
    for split in ("train", "validation"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for name in ("blue", "green", "red"):
            (tmp_path / "photos" / split / name).symlink_to(photos / name)
    path = tmp_path / "small.keras"
    keras_resnets.ResNeXt(
        weights=None, input_shape=(16, 16, 3), classes=3, depths=(1,), planes=8, stem="small"
    ).save(path)
    preprocessing = Preprocessing(size=16, crop_fraction=1.0)
    names = ("red", "blue", "green")  # in an order of its own
    Card("ResNeXt", names, preprocessing, data={"folder": str(tmp_path / "photos")}).save(path)
    return path


def test_a_validation_split_that_serves_as_test_is_called_so(model, tmp_path, capsys):
    out = tmp_path / "numbers.json"
    assert main(["evaluate", "--model", str(model), "--out", str(out)]) == 0
    numbers = json.loads(out.read_text())
    assert numbers["split"] == "validation"
    assert [score["class"] for score in numbers["classes"]] == ["red", "blue", "green"]
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "60 images of the validation split"
    assert second == "There is no test split: these images have also chosen the best epoch."


def test_classes_meet_by_their_names_and_all_photos_of_a_folder_count(
    model, photos, tmp_path, capsys
):
    (tmp_path / "other").mkdir()
    for name in ("blue", "green"):
        (tmp_path / "other" / name).symlink_to(photos / name)
    out = tmp_path / "numbers.json"
    arguments = ["evaluate", "--model", str(model), "--data", str(tmp_path / "other")]
    assert main([*arguments, "--out", str(out)]) == 0
    numbers = json.loads(out.read_text())
    assert numbers["images"] == 40
    assert [score["images"] for score in numbers["classes"]] == [0, 20, 20]
    capsys.readouterr()
    (tmp_path / "other" / "blue").rename(tmp_path / "other" / "blu e")
    assert main([*arguments, "--out", str(out)]) == 0
    assert json.loads(out.read_text())["unknown"] == {"blu e": 20}
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "20 images of the test split",
        "Not counted, since the model does not know the class: blu e 20.",
        "Did you mean 'blue'?",
        "No images of: red, blue.",
    ]
    (tmp_path / "other" / "green").rename(tmp_path / "other" / "olive")
    assert main(arguments) == 2
    assert "images of 'blu e', 'olive', which are none of these" in capsys.readouterr().err


def test_an_unsure_model_says_how_often_and_of_what(model, photos, tmp_path, capsys):
    card = Card.load(model)
    (tmp_path / "other").mkdir()
    for name, called in (("blue", "blue"), ("green", "grass")):
        (tmp_path / "other" / called).symlink_to(photos / name)
    arguments = ["evaluate", str(model), str(tmp_path / "other"), "--out", str(tmp_path / "n.json")]
    dataclasses.replace(card, threshold=1.0, provenance={"temperature": "2"}).save(model)
    assert main(arguments) == 0
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert (numbers["unsure"], numbers["unknown_unsure"], numbers["top1_of_sure"]) == (1, 1, None)
    assert numbers["calibration_error_before"] != numbers["calibration_error"]
    printed = capsys.readouterr().out
    assert "grass 20. The model is unsure of 100.0% of them." in printed
    assert "unsure                 100.00%   (a probability below 100.0%)" in printed
    assert "(a temperature of 2)" in printed


def test_flip_is_the_mean_over_both_sides(model, photos, tmp_path):
    losses = {}
    for flag in ((), ("--flip",)):
        out = tmp_path / "numbers.json"
        assert main(["evaluate", str(model), str(photos), "--out", str(out), *flag]) == 0
        losses[flag] = json.loads(out.read_text())["loss"]
    network, card = keras_resnets.open_model(model)
    data = open_data(folder=str(photos), everything=True).with_classes(card.class_names)
    ((images, labels),) = evaluation_batches(data, "test", card.preprocessing, 60)
    mirrored = network.predict_on_batch(np.flip(images, axis=2))
    both = (network.predict_on_batch(images) + mirrored) / 2
    expected = -np.log(both[np.arange(60), labels]).mean()
    assert losses["--flip",] == pytest.approx(expected, rel=1e-5)
    assert losses["--flip",] != losses[()]
