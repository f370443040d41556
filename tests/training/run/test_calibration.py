"""The temperature against optima found in other ways, and the threshold against counts."""

import keras
import numpy as np
import pytest
from networks import small
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.data import evaluation_batches, open_data
from keras_resnets.preprocessing import Preprocessing
from training.reporting.calibrate import calibrate_run
from training.run.calibration import (
    before_temperature,
    fit_temperature,
    temperature_of,
    threshold_of,
)
from training.run.models import Models


def drawn(rng, photos, *, scale, classes=4):
    """Logits `scale` times what the labels were drawn by, and the labels."""
    logits = rng.normal(size=(photos, classes)) * 2
    labels = [rng.choice(classes, p=np.exp(row)) for row in log_softmax(logits, axis=1)]
    return logits * scale, np.array(labels)


def test_the_temperature_is_the_one_that_the_labels_were_drawn_by(rng):
    logits, labels = drawn(rng, 20_000, scale=3.0)
    found = fit_temperature(logits, np.eye(4)[labels])
    assert found == pytest.approx(3.0, rel=0.05)

    def plain(temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()

    # With so many photos Platt's targets change next to nothing.
    best = minimize_scalar(plain, bounds=(0.1, 10), method="bounded").x
    assert found == pytest.approx(best, rel=2e-3)


def test_of_few_photos_it_is_the_optimum_for_platts_targets(rng):
    logits, labels = drawn(rng, 12, scale=2.0)
    targets = np.full((12, 4), 1 / 14 / 3)
    targets[np.arange(12), labels] = 13 / 14
    grid = np.linspace(0.5, 20, 40_000)
    losses = [-(targets * log_softmax(logits / t, axis=1)).sum() for t in grid]
    found = fit_temperature(logits, np.eye(4)[labels])
    assert found == pytest.approx(grid[int(np.argmin(losses))], abs=1e-3)


def test_where_all_are_right_the_confidence_is_the_rule_of_successions():
    logits = np.array([[9.0, 0.0]] * 30)
    temperature = fit_temperature(logits, np.eye(2)[[0] * 30])
    assert expit(9 / temperature) == pytest.approx(31 / 32, abs=1e-4)


def test_where_nothing_is_right_it_ends_at_its_limit(rng):
    logits, labels = drawn(rng, 100, scale=1.0, classes=2)
    assert fit_temperature(logits, np.eye(2)[1 - labels]) == pytest.approx(20, rel=1e-3)


def test_where_photos_are_many_and_all_alike_the_coldest_is_bounded():
    logits = np.array([[0.01, 0.0]] * 1000)
    assert fit_temperature(logits, np.eye(2)[[0] * 1000]) == pytest.approx(1 / 20, rel=1e-3)


def test_a_few_photos_teach_nothing():
    assert fit_temperature(np.array([[9.0, 0.0]]), np.eye(2)[[0]]) == 1
    assert fit_temperature(np.array([[9.0, 0.0]] * 9), np.eye(2)[[1] * 9]) == 1


def test_labels_of_their_own_are_calibrated_by_the_binary_loss(rng):
    true = rng.normal(size=(5000, 3))
    targets = rng.random((5000, 3)) < expit(true)
    assert fit_temperature(true * 2.5, targets, "sigmoid") == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_what_was_before_is_found_from_what_is_after(activation, rng):
    logits = rng.normal(size=(5, 3)) * 4
    apply = {"softmax": lambda z: np.exp(log_softmax(z, axis=1)), "sigmoid": expit}[activation]
    before = before_temperature(apply(logits / 1.7), 1.7, activation)
    np.testing.assert_allclose(before, apply(logits), rtol=1e-9)


def test_the_threshold_leaves_out_as_many_as_it_may():
    confidences = np.array([0.55, 0.31, 0.99, 0.72, 0.645, 0.9, 0.8, 0.7, 0.6, 0.5])
    assert threshold_of(confidences, 1.0) == 0.31
    assert threshold_of(confidences, 0.95) == 0.31  # a twentieth of ten is none
    assert threshold_of(confidences, 0.9) == 0.5
    assert threshold_of(confidences, 0.6) == 0.645
    # Rounded down to a thousandth: the photo itself is not left out.
    assert threshold_of(np.array([0.98765]), 0.5) == 0.987
    assert threshold_of(np.ones(3), 0.9) == 1.0


def learn(network, images, targets):
    """Fits the last layer to the photos, by least squares, and makes it far too sure."""
    head = network.get_layer("predictions")
    features = keras.Model(network.inputs, head.input).predict_on_batch(images)
    features = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    solution = np.linalg.lstsq(features, targets, rcond=0.05)[0] * 30
    head.set_weights([solution[:-1], solution[-1]])


def test_the_models_of_a_run_are_calibrated_each_by_itself(photos, tmp_path, randomise):
    for split in ("train", "validation"):
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / split).symlink_to(photos)
    data = open_data(folder=str(tmp_path / "photos"))
    preprocessing = Preprocessing(size=16, crop_fraction=1.0)
    names = ("blue", "green", "red")
    ((images, labels),) = evaluation_batches(data, "validation", preprocessing, 60)
    kept = {}
    for name in ("best", "last"):
        network = small("ResNeXt", input_shape=(16, 16, 3), classes=3)
        randomise(network)
        learn(network, images, np.eye(3)[labels])
        network.save(tmp_path / f"{name}.keras")
        Card("ResNeXt", names, preprocessing, provenance={"recipe": "mine"}).save(
            tmp_path / f"{name}.keras"
        )
        kept[name] = network
    spare = small("ResNeXt", input_shape=(16, 16, 3), classes=3)
    models = Models(tmp_path, spare, Card("ResNeXt", names, preprocessing))
    calibrate_run(models, data, coverage=0.9)
    assert models.held == ("best.keras",)
    assert len({p.read_bytes() for p in tmp_path.glob("*.card.json")}) == 2

    for name, network in kept.items():
        calibrated, card = keras_resnets.open_model(tmp_path / f"{name}.keras")
        temperature = temperature_of(card)
        assert temperature is not None
        assert card.provenance["recipe"] == "mine"
        assert card.provenance["calibrated_on"] == "60 validation photos"
        before = network.predict_on_batch(images)
        after = calibrated.predict_on_batch(images)
        powers = before.astype("float64") ** (1 / temperature)
        np.testing.assert_allclose(after, powers / powers.sum(axis=1, keepdims=True), atol=1e-5)
        # 54 of 60 are to be sure.
        assert (after.max(axis=1) >= card.threshold).sum() in (54, 55)
        # What is calibrated asks for nothing more.
        assert 1.01 < temperature < 19
        again = fit_temperature(np.log(after), np.eye(3)[labels])
        assert again == pytest.approx(1, rel=1e-3)
    before = (tmp_path / "best.keras").read_bytes()
    calibrate_run(models, data, coverage=0.9)
    assert (tmp_path / "best.keras").read_bytes() == before
