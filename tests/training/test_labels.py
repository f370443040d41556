"""Photos with any number of labels, from the CSV to the report."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

import keras_resnets
from keras_resnets.data import evaluation_batches, open_data
from training.average_precision import mean_average_precision
from training.cli import main

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """60 photos brighter in none to all of three colours, and their labels: one column a class."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("labelled")
    (root / "photos").mkdir()
    lines = ["file," + ",".join(NAMES)]
    for number in range(60):
        holds = rng.random(3) < 0.5
        pixels = rng.integers(0, 100, (16, 16, 3), dtype="uint8")
        pixels[..., ::-1] += (holds * 120).astype("uint8")
        Image.fromarray(pixels).save(root / "photos" / f"{number}.png")
        lines.append(f"{number}.png," + ",".join(str(int(held)) for held in holds))
    (root / "labels.csv").write_text("\n".join(lines))
    return root


@pytest.fixture
def train(labelled, tiny_recipe):
    """The arguments that train on them."""
    return (
        *("--recipe", tiny_recipe, "--data", labelled / "photos"),
        *("--labels", labelled / "labels.csv", "--run", "run"),
    )


def test_a_run_with_labels(train, command, labelled, photos, tmp_path, capsys, monkeypatch):
    done = command(*train)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert "The best model has a mean average precision of " in done.stdout

    model, card = keras_resnets.open_model(run)
    assert (card.class_names, card.multi_label) == (NAMES, True)
    assert model.layers[-1].activation.__name__ == "sigmoid"
    assert card.data is not None
    data = open_data(**card.data)
    found = {}
    for split in ("validation", "test"):
        batches = list(evaluation_batches(data, split, card.preprocessing, 8))
        outputs = np.concatenate([model.predict_on_batch(images) for images, _ in batches])
        truth = np.concatenate([labels for _, labels in batches])
        found[split] = mean_average_precision(truth, outputs)
    history = json.loads((run / "history.json").read_text())
    best = max(row["validation_mean_average_precision"] for row in history)
    assert found["validation"] == pytest.approx(best)
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["mean_average_precision"] == pytest.approx(found["test"])

    monkeypatch.chdir(tmp_path)
    assert main(["report", "run"]) == 0
    assert (run / "labels.png").stat().st_size > 5_000
    capsys.readouterr()
    everything = ["--data", str(labelled / "photos"), "--labels", str(labelled / "labels.csv")]
    assert main(["evaluate", "run", *everything, "--out", "all.json"]) == 0
    told = capsys.readouterr().out
    assert "60 images of the test split" in told
    assert "micro f1" in told
    assert json.loads((tmp_path / "all.json").read_text())["images"] == 60
    assert main(["evaluate", "run", str(photos)]) == 2
    assert "--labels CSV" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_with_labels_goes_on_to_the_same_bits(train, command, start, weights, tmp_path):
    straight = command(*train[:-1], "straight")
    assert straight.returncode == 0, straight.stderr
    process = start(*train)
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=200)
    assert process.returncode == 130
    done = command("--resume", "run")
    assert done.returncode == 0, done.stderr
    for one, other in zip(weights(tmp_path / "run"), weights(tmp_path / "straight"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_that_are_none_are_refused_before_anything_is_done(capsys, photos, tmp_path):
    (tmp_path / "labels.csv").write_text("file,lables\n1.png,cat")
    arguments = ["train", str(photos), "--labels", str(tmp_path / "labels.csv")]
    assert main(arguments) == 2
    assert "0 or 1 in the column 'lables'" in capsys.readouterr().err
