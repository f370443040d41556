"""`BatchNorm` against Keras' own layer: outputs, gradients, moving statistics, every case."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.layers.batch_norm import BatchNorm


def twins(channels, rng, **arguments):
    layers = (
        BatchNorm(**arguments),
        keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **arguments),
    )
    weights = [rng.uniform(0.5, 1.5, channels) for _ in range(4)]
    for layer in layers:
        layer.build((None, None, None, channels))
        layer.set_weights(weights)
    return layers


def step(layer, images, targets, training):
    variables = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=training)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * targets)
    return [outputs, *tape.gradient(loss, [images, *variables]), *layer.get_weights()]


@pytest.mark.parametrize("channels", [16, 26])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 2e-2), ("mixed_float16", 3e-3)]
)
def test_equals_keras(channels, training, policy, tolerance, rng):
    layer, reference = twins(channels, rng, dtype=policy)
    images = tf.constant(rng.normal(2, 3, (4, 5, 7, channels)), layer.compute_dtype)
    targets = tf.constant(rng.normal(size=images.shape), "float32")
    for actual, expected in zip(
        step(layer, images, targets, training),
        step(reference, images, targets, training),
        strict=True,
    ):
        assert actual.dtype == expected.dtype
        actual, expected = (np.asarray(tf.cast(x, "float32")) for x in (actual, expected))
        np.testing.assert_allclose(actual, expected, atol=tolerance * np.abs(expected).max())


def test_a_frozen_layer_keeps_its_statistics(rng):
    layer, reference = twins(16, rng)
    layer.trainable = reference.trainable = False
    images = rng.normal(2, 3, (4, 5, 7, 16)).astype("float32")
    before = layer.get_weights()
    np.testing.assert_allclose(
        layer(images, training=True), reference(images, training=True), atol=1e-5
    )
    for weight, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_synchronised_statistics_keep_keras_way(rng):
    layer, reference = twins(16, rng, synchronized=True)
    images = rng.normal(2, 3, (4, 5, 7, 16)).astype("float32")
    np.testing.assert_array_equal(layer(images, training=True), reference(images, training=True))
    assert not layer._fuses(images)


def test_the_constants_are_those_of_the_checkpoints():
    assert (BatchNorm().epsilon, BatchNorm().momentum) == (1e-5, 0.9)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_weights_of_another_type(dtype):
    inputs = np.random.default_rng(0).normal(2, 3, (4, 5, 5, 8))
    ours = BatchNorm(dtype=dtype)
    keras_own = keras.layers.BatchNormalization(
        momentum=ours.momentum, epsilon=ours.epsilon, dtype=dtype
    )
    for training in (True, False):
        found, expected = (np.asarray(one(inputs, training=training)) for one in (ours, keras_own))
        np.testing.assert_array_equal(found.astype("float32"), expected.astype("float32"))
