"""No function of a pipeline goes through AutoGraph: it is traced as it is written."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.autograph.impl import api

from keras_resnets.data import as_written, evaluation_batches, open_data
from training import recipe
from training.data.balance import Balance
from training.data.batches import Position, training_batches, validation_batches
from training.data.maps import View, map_batches, map_validation
from training.data.views import view_batches
from training.devices import Share


@pytest.fixture
def rewritten(monkeypatch):
    """The functions that AutoGraph was to rewrite."""
    found = []

    def convert(function, context):
        found.append(function)
        return original(function, context)

    original = api._convert_actual
    monkeypatch.setattr(api, "_convert_actual", convert)
    return found


def test_autograph_would_rewrite_them(rewritten):
    numbers = tf.data.Dataset.range(3)
    numbers.map(lambda number: number + 1)
    assert len(rewritten) == 1
    as_written(lambda: numbers.map(lambda number: number + 2))()
    assert len(rewritten) == 1


@pytest.mark.parametrize("policy", ["autoaugment", "randaugment"])
@pytest.mark.parametrize("share", [Share(), Share(worker=1, workers=2)])
def test_photos(policy, share, photos, tiny_recipe, rewritten):
    config = recipe.configure(
        recipe.read(tiny_recipe),
        [f"augmentation.policy.kind={policy}", "augmentation.jitter={}", "balance=sampling"],
    )
    data = open_data(folder=str(photos))
    data = data.with_classes(data.class_names[::-1])
    batches = [
        evaluation_batches(data, "test", config.preprocessing, 4),
        data.examples("test"),
        training_batches(data, config, Position(), share),
        validation_batches(data, "validation", config, share),
        view_batches(data, "train", config, 0, 4),
        view_batches(data, "train", config, 1, 4),
    ]
    for each in batches:
        next(each.as_numpy_iterator())
    assert rewritten == []


def test_maps_that_stand_for_photos(photos, tiny_recipe, rewritten):
    config = recipe.configure(recipe.read(tiny_recipe), ["augmentation.cutmix=1"])
    targets = np.eye(3, dtype="float32").repeat(4, axis=0)
    view = View(np.zeros((12, 2, 2, 5), "float16"), targets)
    balance = Balance.of("sampling", open_data(folder=str(photos)))
    next(map_batches(view, balance, config, Position()).as_numpy_iterator())
    next(map_validation(view, config, Share(worker=1, workers=2)).as_numpy_iterator())
    assert rewritten == []
