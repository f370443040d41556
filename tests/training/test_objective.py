"""What a network learns, against the same worked in NumPy; average precision against its definition."""

import numpy as np
import pytest
import tensorflow as tf

from training.objective import (
    ManyLabels,
    OneClass,
    average_precisions,
    mean_average_precision,
)


def _softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _draw(images=6, classes=4):
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(classes), images), rng.normal(size=(images, classes)) * 3


def test_one_class_is_cross_entropy_over_a_softmax():
    targets, logits = _draw()
    smoothed = 0.9 * targets + 0.1 / 4
    expected = -(smoothed * np.log(_softmax(logits))).sum(-1)
    objective = OneClass(label_smoothing=0.1)
    found = objective.losses(tf.constant(targets), tf.constant(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    plain = objective.losses(tf.constant(targets), tf.constant(logits), smoothed=False)
    np.testing.assert_allclose(plain, -(targets * np.log(_softmax(logits))).sum(-1), rtol=1e-6)


def test_many_labels_are_the_mean_binary_cross_entropy_of_the_classes():
    _, logits = _draw()
    targets = np.random.default_rng(1).random(logits.shape)  # as mixup leaves them
    smoothed = 0.8 * targets + 0.1
    yes = 1 / (1 + np.exp(-logits))
    expected = -(smoothed * np.log(yes) + (1 - smoothed) * np.log(1 - yes)).mean(-1)
    found = ManyLabels(label_smoothing=0.2).losses(tf.constant(targets), tf.constant(logits))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_how_right_an_image_is():
    logits = tf.constant([[2.0, -1.0, 1.0], [-1.0, -2.0, -3.0]])
    targets = tf.constant([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert OneClass().right(targets, logits).numpy().tolist() == [1, 1]
    np.testing.assert_allclose(ManyLabels().right(targets, logits), [2 / 3, 1])


def _by_definition(truth, scores):
    """The precision at each threshold, weighted by what recall gains there."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        recall = truth[taken].sum() / truth.sum()
        total += (recall - before) * truth[taken].mean()
        before = recall
    return total


def test_average_precision_is_its_definition_ties_included():
    rng = np.random.default_rng(2)
    truth = (rng.random((40, 3)) < 0.3).astype(float)
    scores = rng.integers(0, 8, (40, 3)) / 8
    expected = [_by_definition(truth[:, k], scores[:, k]) for k in range(3)]
    assert average_precisions(truth, scores) == pytest.approx(expected)
    assert mean_average_precision(truth, scores) == pytest.approx(np.mean(expected))


def test_a_class_that_no_image_has_does_not_count():
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    scores = np.array([[0.9, 0.5], [0.8, 0.5], [0.1, 0.5]])
    # Ranks 1 and 3 of three: (1/1 + 2/3) / 2.
    assert mean_average_precision(truth, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(average_precisions(truth, scores)[1])
    assert mean_average_precision(np.zeros((3, 2)), scores) == 0
