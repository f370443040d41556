"""What a network learns, against the same worked in NumPy."""

import numpy as np
import tensorflow as tf

from training.objective import ManyLabels, OneClass


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
