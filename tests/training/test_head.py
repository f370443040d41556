"""The first phase: the classifier alone, on the features of the network as it starts."""

import json
import os
import shutil
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
from kills import Killed
from sklearn.linear_model import LogisticRegression

import keras_resnets
from keras_resnets.data import evaluation_batches, open_data
from keras_resnets.errors import UserError
from training import frozen, head, plan, recipe
from training.cli import main
from training.head import Features, fitted_head
from training.objective import ManyLabels, OneClass
from training.run.checkpoint import Checkpoints
from training.run.folder import read_config, read_rows
from training.run.journal import Journal

CLASSES, CHANNELS, ONE = 3, 6, OneClass()


def _features(images, seed, noise=2.0):
    """Clouds of points, of which two features are on other scales, and one is constant."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, images)
    centres = np.random.default_rng(9).normal(size=(CLASSES, CHANNELS))
    vectors = centres[labels] + rng.normal(scale=noise, size=(images, CHANNELS))
    vectors[:, 1] = 100 * vectors[:, 1] + 50
    vectors[:, 2] = 7.0
    return Features(vectors.astype("float32"), np.eye(CLASSES, dtype="float32")[labels])


@pytest.mark.parametrize("penalty", [0.1, 0.001])
def test_it_is_penalised_logistic_regression(penalty):
    training, test = _features(80, 0), _features(50, 1)
    found = fitted_head(training, test, ONE, [penalty])
    mean, deviation = training.vectors.mean(0), training.vectors.std(0)
    deviation[2] = 1
    reference = LogisticRegression(C=1 / (penalty * 80), tol=1e-8, max_iter=10_000)
    reference.fit((training.vectors - mean) / deviation, training.targets.argmax(1))
    probabilities = reference.predict_proba((test.vectors - mean) / deviation)
    logits = test.vectors @ found.kernel + found.bias
    np.testing.assert_allclose(keras.ops.softmax(logits), probabilities, atol=2e-3)
    expected = -np.log(probabilities[np.arange(50), test.targets.argmax(1)]).mean()
    assert found.measured(test, ONE)["loss"] == pytest.approx(expected, abs=1e-3)


def test_validation_chooses_the_penalty():
    training, validation = _features(20, 0), _features(400, 1)
    chosen = fitted_head(training, validation, ONE)
    losses = {
        penalty: fitted_head(training, validation, ONE, [penalty]).measured(validation, ONE)["loss"]
        for penalty in head.PENALTIES
    }
    assert chosen.penalty == min(losses, key=losses.__getitem__)
    assert chosen.penalty not in (head.PENALTIES[0], head.PENALTIES[-1])
    # What is learned by heart needs no penalty.
    assert fitted_head(training, training, ONE).penalty == head.PENALTIES[-1]


def test_smoothed_targets_keep_what_is_easy_from_certainty():
    easy = _features(60, 0, noise=0.01)
    found = fitted_head(easy, easy, OneClass(label_smoothing=0.3))
    # The least loss is where each right class has 0.7 + 0.3 / 3.
    assert found.measured(easy, ONE)["loss"] == pytest.approx(-np.log(0.8), rel=0.02)


def test_many_labels_are_learned_alike():
    features = _features(60, 0, noise=0.5)
    labels = np.stack([features.targets[:, 0], features.targets[:, :2].max(1)], axis=1)
    both = Features(features.vectors, labels)
    found = fitted_head(both, both, ManyLabels())
    measured = found.measured(both, ManyLabels())
    assert measured["accuracy"] > 0.9
    assert measured["mean_average_precision"] > 0.95


def test_few_photos_are_looked_at_more_often():
    photos = recipe.configure(recipe.read(recipe.find("photos")))
    views = [plan.settled(photos, count).head.views for count in (8, 125, 200, 500, 50_000)]
    assert views == [8, 8, 5, 2, 1]
    assert plan.settled(recipe.configure({}), 8).head is None


def test_without_weights_there_is_nothing_to_learn_from(capsys):
    with pytest.raises(UserError, match="Expected model.weights where the classifier"):
        recipe.configure({"head": {"alone": True}})
    assert main(["train", "/nowhere", "--weights", "none", "--quick"]) == 2
    assert "leave head, --quick and --views out" in capsys.readouterr().err


@pytest.fixture(scope="module")
def arguments(finished, photos):
    return [
        *("train", str(photos), "--weights", str(finished[0])),
        *("--strategy", "one", "--set", "deterministic=false", "--epochs", "2", "--views", "3"),
        *("--set", "averaging={ema: 0.9}", "--set", "optimizer.lookahead={}"),
        *(
            "--freeze",
            "1",
            "--set",
            "cache.views=2",
        ),  # the third view of the first phase is not kept
    ]


@pytest.fixture(scope="module")
def straight(arguments, tmp_path_factory):
    """A run of both phases that nothing interrupted."""
    run = tmp_path_factory.mktemp("head") / "straight"
    assert main([*arguments, "--run", str(run)]) == 0
    return run


def test_quick_ends_with_the_classifier(finished, arguments, straight, photos, tmp_path, capsys):
    run = tmp_path / "quick"
    assert main([*arguments, "--quick", "--run", str(run)]) == 0
    printed = capsys.readouterr().out
    assert "\nclassifier  loss" in printed
    assert "\nepoch " not in printed
    (row,) = read_rows(run)
    both = read_rows(straight)
    assert [row["epoch"] for row in both] == [0, 1, 2]
    same = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")
    assert {key: row[key] for key in same} == {key: both[0][key] for key in same}
    assert read_config(run).head.views == 3

    before, _ = keras_resnets.open_model(finished[0])
    after, card = keras_resnets.open_model(run)
    for old, new in zip(before.weights, after.weights, strict=True):
        if not old.path.startswith("predictions") and not old.path.endswith("drop_block/rate"):
            np.testing.assert_array_equal(old, new)
    data = open_data(folder=str(photos))
    (images, labels), *rest = evaluation_batches(data, "validation", card.preprocessing, 99)
    assert not rest
    probabilities = after.predict_on_batch(images)
    right = probabilities[np.arange(len(labels)), labels.numpy()]
    assert row["validation_loss"] == pytest.approx(-np.log(right).mean(), rel=1e-4)
    assert json.loads((run / "evaluation.json").read_text())["images"] == data.sizes["test"]


def _stopping(monkeypatch, owner, name, call, act):
    """Has `act` called before the `call`-th call of `owner.name`."""
    original, calls = getattr(owner, name), 0

    def counting(*arguments, **named):
        nonlocal calls
        calls += 1
        if calls == call:
            act()
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, counting)


DRIVER = str(Path(__file__).parent / "run" / "killed.py")


def _die():
    raise Killed


def _stop():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("owner", "name", "call", "act"),
    [
        (frozen, "view_batches", 2, _stop),  # between two views
        pytest.param(frozen, "view_batches", 4, _die, marks=pytest.mark.slow),  # before validation
        pytest.param(head, "fitted_head", 1, _die, marks=pytest.mark.slow),
        # After the classifier, before its checkpoint.
        pytest.param(Checkpoints, "save", 1, _die, marks=pytest.mark.slow),
        pytest.param(Journal, "add_step", 2, _stop, marks=pytest.mark.slow),
        (Journal, "add_step", 8, _die),
    ],
)
def test_a_stop_or_a_kill_in_either_phase_leaves_no_trace(
    arguments, straight, weights, tmp_path, monkeypatch, capsys, owner, name, call, act
):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        _stopping(patch, owner, name, call, act)
        if act is _stop:
            assert main([*arguments, "--run", str(run)]) == 128 + signal.SIGTERM
            assert f"Continue by: keras-resnets resume {run}" in capsys.readouterr().err
        else:
            before = tmp_path / "as killed"
            patch.setattr(
                "training.run.folder.RunFolder._undo_unless_reached",
                lambda _: shutil.copytree(run, before, dirs_exist_ok=True),
            )
            with pytest.raises(Killed):
                main([*arguments, "--run", str(run)])
    assert main(["resume", str(run)]) == 0
    _assert_same(run, straight, weights)


@pytest.mark.slow
def test_kill_9_in_either_phase_leaves_no_trace(arguments, straight, start, weights, tmp_path):
    command = [*arguments, "--run", tmp_path / "run"]
    for point in ("in_the_features", "in_the_classifier", "between_steps"):
        process = start(point, *command, program=(DRIVER,))
        _, stderr = process.communicate(timeout=600)
        assert process.returncode == -signal.SIGKILL, f"{point}: {stderr}"
    process = start(*command)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    _assert_same(tmp_path / "run", straight, weights)


@pytest.mark.slow
def test_two_devices_and_two_processes_train_the_classifier_as_one_does(
    arguments, straight, start, start_workers, tmp_path
):
    """The frozen maps too; the epochs differ by what replicas draw and by their batch statistics."""
    place = arguments.index("--strategy")
    elsewhere = [*arguments[:place], *arguments[place + 2 :], "--set", "batch_size=12"]
    runs = {
        "mirrored": [start(*elsewhere, "--devices", 2, "--run", "mirrored")],
        "workers": start_workers(*elsewhere, "--run", "workers"),
    }
    for name, processes in runs.items():
        for process in processes:
            _, stderr = process.communicate(timeout=600)
            assert process.returncode == 0, stderr
        rows = read_rows(tmp_path / name)
        assert [row["epoch"] for row in rows] == [0, 1, 2]
        for key in ("loss", "validation_loss"):
            assert rows[0][key] == pytest.approx(read_rows(straight)[0][key], rel=1e-4)


def _assert_same(run, straight, weights):
    for value, expected in zip(weights(run), weights(straight), strict=True):
        np.testing.assert_array_equal(value, expected)
    for row, other in zip(read_rows(run), read_rows(straight), strict=True):
        for key in ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy"):
            assert row[key] == other[key]
