"""A hub on localhost, and a toy model with its PyTorch checkpoint."""

import types

import hubs
import keras
import numpy as np
import pytest


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hubs.serving(monkeypatch, tmp_path) as server:
        yield server


def toy_model(channels=3, classes=5, include_top=True):
    """One of each layout: dense, grouped and depthwise convolutions, a normalisation, a classifier."""
    x = images = keras.Input((8, 8, channels))
    x = keras.layers.Conv2D(8, 3, use_bias=False, name="stem")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(4, 1, groups=2, use_bias=False, name="grouped")(x)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False, name="depthwise")(x)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = keras.layers.Dense(classes, name="predictions")(x)
    return keras.Model(images, x, name="toy")


TOY_KEYS = {
    "stem/kernel": "conv1.weight",
    "norm/gamma": "bn1.weight",
    "norm/beta": "bn1.bias",
    "norm/moving_mean": "bn1.running_mean",
    "norm/moving_variance": "bn1.running_var",
    "grouped/kernel": "conv2.weight",
    "depthwise/kernel": "conv3.weight",
    "predictions/kernel": "fc.weight",
    "predictions/bias": "fc.bias",
}


def toy_tensors(rng, classes=5):
    def draw(*shape):
        return rng.normal(size=shape).astype("float32")

    return {
        "conv1.weight": draw(8, 3, 3, 3),
        "bn1.weight": draw(8),
        "bn1.bias": draw(8),
        "bn1.running_mean": draw(8),
        "bn1.running_var": np.abs(draw(8)),
        "bn1.num_batches_tracked": np.array(7),
        "conv2.weight": draw(4, 4, 1, 1),
        "conv3.weight": draw(4, 1, 3, 3),
        "fc.weight": draw(classes, 4),
        "fc.bias": draw(classes),
    }


@pytest.fixture
def toy():
    """`toy.model(...)`, `toy.tensors(rng, classes)` and `toy.key_of`."""
    return types.SimpleNamespace(
        model=toy_model, tensors=toy_tensors, key_of=TOY_KEYS.__getitem__, keys=TOY_KEYS
    )
