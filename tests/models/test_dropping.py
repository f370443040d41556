"""Where a model drops: which rate each block has, and how a schedule reaches all of them."""

import keras
import numpy as np
import pytest
from networks import FAMILIES, small

from keras_resnets.layers import DropBlock

DEPTHS = {"depths": (1, 2, 1, 2)}


def deep(family, **arguments):
    return small(family, **({} if family == "ReXNet" else DEPTHS), **arguments)


def blocks(model):
    return [layer for layer in model.layers if layer.name.startswith("stage")]


def drop_blocks(model):
    """All DropBlock layers of a model: each block has its one, or `None`."""
    found = [getattr(layer, "drop_block", None) for layer in model.layers]
    return [layer for layer in found if layer is not None]


# Blocks whose input is not added to their output: nothing would be left of a dropped sample.
WITHOUT_SHORTCUT = {"ReXNet": {f"stage{stage}_block1" for stage in (1, 2, 3, 4, 6)}}


@pytest.mark.parametrize("family", FAMILIES)
def test_drop_path_grows_linearly_from_nothing_to_the_rate(family):
    first, *rest = blocks(deep(family, drop_path_rate=0.3))
    assert first.drop_path is None
    rates = np.linspace(0, 0.3, len(rest) + 1)[1:]
    for block, rate in zip(rest, rates, strict=True):
        if block.name in WITHOUT_SHORTCUT.get(family, ()):
            assert block.drop_path is None, block.name
        else:
            assert block.drop_path.rate == pytest.approx(rate, abs=1e-9), block.name


@pytest.mark.parametrize("family", FAMILIES)
def test_no_sample_of_any_block_loses_its_signal(family, randomise, rng):
    for block in blocks(randomise(deep(family, drop_path_rate=0.9))):
        samples = rng.normal(size=(32, 2, 2, block.input.shape[-1])).astype("float32")
        outputs = keras.ops.convert_to_numpy(block(samples, training=True))
        assert np.abs(outputs).max(axis=(1, 2, 3)).min() > 0, block.name


@pytest.mark.parametrize("family", FAMILIES)
def test_drop_block_is_in_the_last_two_stages(family):
    model = deep(family, drop_block_rate=0.1)
    last = {"ReXNet": ("stage5", "stage6")}.get(family, ("stage3", "stage4"))
    for block in blocks(model):
        if block.name.startswith(last):
            assert isinstance(block.drop_block, DropBlock)
            assert float(block.drop_block.rate) == pytest.approx(0.1)
        else:
            assert block.drop_block is None, block.name


@pytest.mark.parametrize("family", FAMILIES)
def test_drop_rate_is_a_dropout_before_the_classifier(family):
    *_, pool, dropout, predictions = deep(family, drop_rate=0.4).layers
    assert (pool.name, predictions.name) == ("avg_pool", "predictions")
    assert isinstance(dropout, keras.layers.Dropout)
    assert dropout.rate == 0.4


@pytest.mark.parametrize("family", FAMILIES)
def test_without_rates_nothing_drops(family):
    model = deep(family)
    assert not any(block.drop_path or block.drop_block for block in blocks(model))
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)


class Schedule(keras.callbacks.Callback):
    """Linear from 0 at the first batch, as the paper of DropBlock (Ghiasi et al., 2018, §4.1)."""

    def __init__(self, rate, batches):
        super().__init__()
        self.rates = np.linspace(0, rate, batches)
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        for layer in drop_blocks(self.model):
            layer.rate.assign(self.rates[batch])
        self.seen.append([float(layer.rate) for layer in drop_blocks(self.model)])


def test_a_schedule_sets_the_rate_of_every_block(randomise, rng):
    model = randomise(deep("ResNeSt", drop_block_rate=0.2, classes=3))
    assert len(drop_blocks(model)) == 3
    model.compile("sgd", "sparse_categorical_crossentropy")
    schedule = Schedule(0.2, 3)
    images = rng.normal(size=(6, 64, 64, 3)).astype("float32")
    model.fit(images, np.arange(6) % 3, batch_size=2, verbose=0, callbacks=[schedule])
    np.testing.assert_allclose(schedule.seen, [[0.0] * 3, [0.1] * 3, [0.2] * 3], atol=1e-7)
    # Nothing is dropped at rate 0, so that two passes in training agree.
    for layer in drop_blocks(model):
        layer.rate.assign(0.0)
    first, second = (keras.ops.convert_to_numpy(model(images, training=True)) for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-5)
    for layer in drop_blocks(model):
        layer.rate.assign(0.2)
    third = keras.ops.convert_to_numpy(model(images, training=True))
    assert np.abs(third - first).max() > 1e-2
