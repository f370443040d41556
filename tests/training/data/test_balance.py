"""Classes of 3, 12 and 40 images, balanced: how often each comes, and what it counts for."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from training.config import Config
from training.data.balance import Balance
from training.data.batches import Position, training_batches
from training.objective import OneClass

COUNTS = (3, 12, 40)
LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], COUNTS))


def source(split, *, shuffle_files):
    """Images of one pixel, the number of the example, in an order that mixes the classes."""
    numbers = tf.data.Dataset.range(len(LABELS))
    labels = tf.constant(LABELS, tf.int64)

    def example(number):
        pixel = tf.fill((1, 1, 3), tf.cast(number, tf.uint8))
        return tf.io.encode_png(pixel), labels[number]

    return numbers.map(example)


DATA = ImageData("few", ("a", "b", "c"), {"train": 55, "validation": 0, "test": 0}, source)


def epoch_of(data, epoch, seed=0):
    """The numbers of the examples of an epoch."""
    sampled = Balance.of("sampling", data).sampled(
        data.examples("train"), seed, tf.constant(epoch, tf.int64)
    )
    return [int(image[0, 0, 0]) for image, _ in sampled.as_numpy_iterator()]


def test_every_class_comes_as_often_and_an_epoch_is_as_long():
    drawn = epoch_of(DATA, 0)
    assert len(drawn) == 55
    assert Counter(LABELS[drawn].tolist()) == {0: 19, 1: 18, 2: 18}
    times = Counter(drawn)
    assert {times[i] for i in np.flatnonzero(LABELS == 0)} == {6, 7}
    assert {times[i] for i in np.flatnonzero(LABELS == 1)} == {1, 2}
    assert {times[i] for i in np.flatnonzero(LABELS == 2)} == {0, 1}


def test_no_image_is_left_out_for_ever_and_the_draw_is_the_seeds():
    seen = set().union(*(epoch_of(DATA, epoch) for epoch in range(12)))
    assert seen == set(range(55))
    assert epoch_of(DATA, 3) == epoch_of(DATA, 3)
    assert epoch_of(DATA, 3) != epoch_of(DATA, 4)
    assert epoch_of(DATA, 3) != epoch_of(DATA, 3, seed=1)


def test_a_run_goes_on_with_the_batches_that_it_would_have_had():
    config = Config.model_validate(
        {"preprocessing": {"size": 1, "crop_fraction": 1.0}, "batch_size": 9, "balance": "sampling"}
    )

    def batches(start, count):
        found = training_batches(DATA, config, start).take(count).as_numpy_iterator()
        return [(images.tolist(), targets.tolist()) for images, targets in found]

    whole = batches(Position(), 9)  # six steps an epoch
    assert batches(Position(0, 4), 5) == whole[4:]
    assert batches(Position(1, 0), 3) == whole[6:]
    share = np.concatenate([np.array(targets) for _, targets in whole[:6]]).mean(axis=0)
    np.testing.assert_allclose(share, 1 / 3, atol=0.03)


def test_weights_count_the_classes_alike_and_1_on_average():
    weights = Balance.of("weights", DATA).class_weights
    assert weights is not None
    np.testing.assert_allclose(np.array(weights) * COUNTS, 55 / 3)
    assert Balance.of("sampling", DATA).class_weights is None
    targets = np.eye(3, dtype="float32")[[0, 1, 2]]
    targets[2] = (0.5, 0.0, 0.5)  # as mixup makes it
    logits = np.random.default_rng(0).normal(size=(3, 3)).astype("float32")
    plain, weighted = OneClass(0.1), OneClass(0.1, weights)
    np.testing.assert_allclose(
        weighted.losses(targets, logits) / plain.losses(targets, logits),
        [weights[0], weights[1], (weights[0] + weights[2]) / 2],
        rtol=1e-5,
    )
    # What is measured on validation images is not weighted.
    np.testing.assert_array_equal(
        weighted.losses(targets, logits, smoothed=False),
        plain.losses(targets, logits, smoothed=False),
    )


@pytest.mark.parametrize(
    ("counts", "method"), [((10, 30), "none"), ((10, 31), "sampling"), ((5, 5, 5), "none")]
)
def test_auto_samples_above_a_ratio_of_three_and_says_so(counts, method):
    names = tuple("abc"[: len(counts)])
    data = ImageData("few", names, {"train": sum(counts)}, source, counts={"train": counts})
    balance = Balance.of("auto", data)
    assert balance.method == method
    if method == "sampling":
        assert balance.in_words() == (
            "The largest class has 3.1 times the training photos of the smallest: each class is drawn "
            "as often, the smallest class's photos 2.0 times an epoch (--balance none leaves them as "
            "they are)."
        )


def test_photos_with_any_number_of_labels_have_no_class_to_balance_by():
    data = ImageData("few", ("a", "b"), {"train": 5}, source, multi_label=True)
    assert Balance.of("auto", data).method == "none"
    with pytest.raises(UserError, match="Received: balance=weights"):
        Balance.of("weights", data)


def test_a_class_without_training_images_cannot_be_balanced():
    data = ImageData("few", ("a", "b"), {"train": 5}, source, counts={"train": (5, 0)})
    assert Balance.of("auto", data).method == "none"
    with pytest.raises(UserError, match="Received: none of b"):
        Balance.of("sampling", data)
