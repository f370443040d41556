"""The exponential range test: the rates it tries, what it suggests, and that nothing is left of it."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.cli import main
from training.config import Adaptive
from training.objective import OneClass
from training.optim.schedule import RangeTest
from training.optim.update import Update
from training.rate_finder import RangeFound, range_test
from training.run.state import read_state
from training.step import Learner


def test_the_rates_grow_by_the_same_factor():
    curve = RangeTest(1e-4, 1.0, 5)
    assert [float(curve(step)) for step in range(5)] == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1])


def _found(losses):
    return RangeFound(np.geomspace(1e-6, 10, len(losses)), np.array(losses))


def test_the_suggestion_is_where_the_loss_falls_the_fastest():
    rates = np.geomspace(1e-6, 10, 200)
    fall = 1 / (1 + (rates / 1e-3) ** 2)  # the fastest at 1e-3, over the logarithm
    found = _found(0.5 + 2 * fall + 50 * np.maximum(np.log10(rates), 0))
    # The moving average looks back ten steps, half a decade.
    assert 1e-3 <= found.steepest < 3e-3
    assert found.steepest < found.least / 10
    assert found.suggestion == pytest.approx(found.steepest, rel=0.05)


def test_the_suggestion_keeps_away_from_the_least_loss():
    rates = np.geomspace(1e-6, 10, 200)
    found = _found(np.where(rates < 0.01, 2.0, np.where(rates < 0.1, 1.0, 9.0)))
    assert found.steepest > found.least / 10
    assert found.suggestion == pytest.approx(found.least / 10, rel=0.05)


def test_where_no_rate_helps_none_is_suggested():
    assert _found(np.linspace(1, 2, 50)).suggestion is None


def test_the_smoothed_loss_of_a_constant_is_that_constant():
    np.testing.assert_allclose(_found(np.full(20, 3.0)).smoothed, 3.0)


def _learner(steps, highest):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(8, "relu")(inputs))
    network = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Dropout(0.2)(hidden)))
    curve = RangeTest(1e-6, highest, steps)
    update = Update(Adaptive(name="adam"), curve, network.trainable_variables, ema_decay=0.9)
    return Learner(network, update, objective=OneClass())


def _batches():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(32, 6)).astype("float32")
    targets = np.eye(3, dtype="float32")[(images[:, 0] > 0) * 1 + (images[:, 1] > 0)]
    return itertools.repeat((tf.constant(images), tf.constant(targets)))


def test_nothing_is_left_of_the_test():
    learner = _learner(40, 1.0)
    before = read_state(learner)
    found = range_test(learner, _batches(), 40)
    assert len(found.rates) <= 40
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.smoothed.min() < found.losses[0]
    assert found.suggestion is not None
    assert 1e-6 < found.suggestion < 1
    after = read_state(learner)
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_it_ends_where_the_loss_diverges():
    found = range_test(_learner(60, 1e8), _batches(), 60)
    assert len(found.rates) < 60
    assert np.isfinite(found.losses).all()


def test_the_command_draws_and_suggests_and_leaves_no_run(
    photos, tiny_recipe, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "--recipe", str(tiny_recipe), "--strategy", "one", "--devices", "1"]
    assert main([*arguments, "--find-learning-rate", "--out", "curve é.png"]) == 0
    told = capsys.readouterr().out
    rate = float(told.rpartition("--learning-rate ")[2])
    assert 1e-6 < rate < 1
    assert (tmp_path / "curve é.png").stat().st_size > 10_000
    assert [path.name for path in tmp_path.iterdir()] == ["curve é.png"]
    assert main([*arguments, "--find-learning-rate", "--run", "run"]) == 2
    assert "without --run: it keeps no run" in capsys.readouterr().err
