"""`BatchNorm` against Keras' own layer: outputs, gradients, moving statistics, every case."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.layers import batch_norm
from keras_resnets.layers._normalising import normalised
from keras_resnets.layers.batch_norm import BatchNorm


@pytest.fixture
def by_hand(monkeypatch):
    """The shapes that were normalised with a gradient by hand."""
    found = []

    def counted(inputs, *others):
        found.append(tuple(inputs.shape))
        return normalised(inputs, *others)

    monkeypatch.setattr(batch_norm, "normalised", counted)
    return found


def twins(channels, rng, **arguments):
    layers = (
        BatchNorm(**arguments),
        keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **arguments),
    )
    weights = [rng.uniform(0.5, 1.5, channels) for _ in range(4)]
    for layer in layers:
        layer.build((None, None, None, channels))
        layer.set_weights(weights[: len(layer.weights)])
    return layers


def step(layer, images, targets, training):
    variables = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=training)
        loss = tf.reduce_sum(tf.cast(outputs, "float32") * targets)
    return [outputs, *tape.gradient(loss, [images, *variables]), *layer.get_weights()]


@pytest.mark.parametrize("channels", [12, 16, 26])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 2e-2), ("mixed_float16", 3e-3)]
)
def test_equals_keras(channels, training, policy, tolerance, by_hand, rng):
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
    assert by_hand == ([(4, 5, 7, 26)] if training and channels == 26 else [])


@pytest.mark.parametrize("without", ["scale", "center"])
def test_without_scale_or_offset_it_equals_keras(without, by_hand, rng):
    layer, reference = twins(13, rng, **{without: False})
    images = tf.constant(rng.normal(2, 3, (4, 5, 7, 13)), "float32")
    targets = tf.constant(rng.normal(size=images.shape), "float32")
    for actual, expected in zip(
        step(layer, images, targets, True), step(reference, images, targets, True), strict=True
    ):
        np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())
    assert len(by_hand) == 1


@pytest.mark.parametrize("mean", [0, 30])
def test_the_gradient_by_hand_is_as_exact_as_the_fused_kernel(mean, rng):
    """Beside float64, also where the mean is far from 0 and the sums are long."""
    shape, channels = (8, 56, 56, 16), 16
    images, upstream = rng.normal(mean, 1, shape), rng.normal(size=shape)
    gamma, beta = rng.uniform(0.5, 1.5, channels), rng.normal(size=channels)
    exact = _in_float64(images, upstream, gamma, beta)
    given = [tf.constant(values, "float32") for values in (images, gamma, beta)]

    def fused(images, gamma, beta):
        return tf.compat.v1.nn.fused_batch_norm(images, gamma, beta, epsilon=1e-5)[0]

    def errors(form):
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs = form(*given)
        slopes = tape.gradient(outputs, given, tf.constant(upstream, "float32"))
        pairs = zip([outputs, *slopes], exact, strict=True)
        return [np.abs(np.asarray(a) - b).max() / np.abs(b).max() for a, b in pairs]

    ours = errors(lambda images, gamma, beta: normalised(images, gamma, beta, 1e-5)[0])
    assert all(a <= 2 * b + 1e-6 for a, b in zip(ours, errors(fused), strict=True))


def _in_float64(images, upstream, gamma, beta):
    """Outputs and gradients, by the paper's formulas."""
    axes, count = (0, 1, 2), images.size // images.shape[-1]
    root = 1 / np.sqrt(images.var(axes) + 1e-5)
    unit = (images - images.mean(axes)) * root
    of_beta, of_gamma = upstream.sum(axes), (upstream * unit).sum(axes)
    of_images = gamma * root * (upstream - (of_beta + unit * of_gamma) / count)
    return unit * gamma + beta, of_images, of_gamma, of_beta


@pytest.mark.parametrize("compiled", [False, True])
def test_second_derivatives_equal_keras(compiled, by_hand, rng):
    """What a gradient penalty or a Hessian product takes."""
    images = tf.constant(rng.normal(2, 3, (2, 3, 4, 5)), "float32")
    targets = tf.constant(rng.normal(size=images.shape), "float32")

    def second(layer):
        def run():
            with tf.GradientTape() as outer:
                outer.watch(images)
                with tf.GradientTape() as inner:
                    inner.watch(images)
                    loss = tf.reduce_sum(layer(images, training=True) ** 3 * targets)
                slope = inner.gradient(loss, images)
                penalty = tf.reduce_sum(slope**2)
            return outer.gradient(penalty, [images, layer.gamma.value, layer.beta.value])

        return (tf.function(run) if compiled else run)()

    layer, reference = twins(5, rng)
    for actual, expected in zip(second(layer), second(reference), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-4 * np.abs(expected).max())
    assert by_hand


def test_sides_may_be_open(by_hand, rng):
    layer, reference = twins(5, rng)
    images = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    open_inputs = tf.TensorSpec((None, None, None, 5), "float32")
    traced = tf.function(lambda x: layer(x, training=True), input_signature=[open_inputs])
    assert traced.get_concrete_function().output_shapes.as_list() == [None, None, None, 5]
    np.testing.assert_allclose(traced(images), reference(images, training=True), atol=1e-5)
    assert by_hand == [(None, None, None, 5)]


@pytest.mark.parametrize("where", ["has_accelerator", "is_traced_for_xla"])
def test_elsewhere_odd_channels_keep_keras_way(where, by_hand, monkeypatch, rng):
    """Nobody has measured there."""
    monkeypatch.setattr(batch_norm, where, lambda: True)
    layer, reference = twins(5, rng)
    images = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    np.testing.assert_array_equal(layer(images, training=True), reference(images, training=True))
    assert not by_hand


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
    assert not layer._is_plain(images)


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
