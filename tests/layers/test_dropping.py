"""`DropBlock` and `StochasticDepth`: how much is dropped, in what shape, and what is kept."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.layers import DropBlock, StochasticDepth


@pytest.mark.parametrize("layer", [DropBlock(0.3), StochasticDepth(0.3)])
def test_inference_is_the_identity(layer, rng):
    images = rng.normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_array_equal(layer(images), images)


@pytest.mark.parametrize("layer", [DropBlock, StochasticDepth])
@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_outside_their_range_are_refused(layer, rate):
    with pytest.raises(ValueError, match=rf"in \[0, 1\). Received: rate={rate}"):
        layer(rate)


def test_stochastic_depth_drops_whole_samples_and_scales_the_rest():
    outputs = keras.ops.convert_to_numpy(
        StochasticDepth(0.25, seed=1)(np.ones((4000, 3, 3, 2), "float32"), training=True)
    )
    assert set(np.unique(outputs)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert (outputs == outputs[:, :1, :1, :1]).all()
    assert (outputs[:, 0, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("block_size", [1, 3, 7])
def test_drop_block_drops_the_rate_on_average(block_size):
    images = np.ones((16, 28, 28, 64), "float32")
    outputs = DropBlock(0.1, block_size=block_size, seed=1)(images, training=True)
    # Blocks overlap, so that slightly less than the rate is dropped; the paper's equation 1 says so.
    assert 0.085 < (keras.ops.convert_to_numpy(outputs) == 0).mean() <= 0.105


def test_drop_block_drops_whole_blocks():
    images = np.ones((64, 15, 15, 8), "float32")
    outputs = keras.ops.convert_to_numpy(
        DropBlock(0.02, block_size=5, seed=1)(images, training=True)
    )
    dropped = outputs == 0
    assert dropped.any()
    # Every dropped position lies in some 5x5 square that is dropped whole.
    squares = np.lib.stride_tricks.sliding_window_view(dropped, (5, 5), (1, 2)).all((-2, -1))
    covered = np.zeros_like(dropped)
    for dy in range(5):
        for dx in range(5):
            covered[:, dy : dy + 11, dx : dx + 11] |= squares
    np.testing.assert_array_equal(covered, dropped)


def test_drop_block_keeps_each_samples_sum():
    outputs = DropBlock(0.2, block_size=3, seed=1)(
        np.ones((8, 14, 14, 16), "float32"), training=True
    )
    np.testing.assert_allclose(np.mean(outputs, axis=(1, 2, 3)), 1, rtol=1e-5)


def test_a_schedule_sets_the_rate_within_a_compiled_step():
    layer = DropBlock(0.5, block_size=3)
    step = tf.function(lambda images: layer(images, training=True))
    ones = tf.ones((4, 14, 14, 8))
    assert np.any(step(ones) == 0)
    layer.rate.assign(0.0)
    np.testing.assert_array_equal(step(ones), ones)


def test_a_block_larger_than_the_map_is_cut_down():
    outputs = DropBlock(0.5, block_size=7, seed=1)(np.ones((64, 4, 4, 8), "float32"), training=True)
    # The largest odd block that fits has side 3, so that some of a map survives.
    dropped = (keras.ops.convert_to_numpy(outputs) == 0).mean((1, 2))
    assert 0.3 < dropped.mean() < 0.6
    assert dropped.max() < 1 or dropped.min() == 0
