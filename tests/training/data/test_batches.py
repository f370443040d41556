"""The batches follow from the seed and the epoch alone, and are shared out without loss."""

import numpy as np
import pytest

from keras_resnets.data import open_data
from keras_resnets.errors import UserError
from training import recipe
from training.data.batches import (
    Position,
    steps_per_epoch,
    training_batches,
    validation_batches,
)
from training.devices import Share


@pytest.fixture(scope="module")
def config(tiny_recipe):
    return recipe.configure(recipe.read(tiny_recipe))


@pytest.fixture(scope="module")
def data(photos):
    return open_data(folder=str(photos))


def _take(data, config, count, **where):
    batches = training_batches(data, config, **where).take(count).as_numpy_iterator()
    images, targets = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(targets)


def test_a_batch_is_normalised_images_and_one_hot_targets(data, config):
    images, targets = _take(data, config, 1)
    assert images.shape == (8, 16, 16, 3)
    assert targets.shape == (8, 3)
    np.testing.assert_array_equal(targets.sum(axis=1), 1)
    # Black is (0 - 0.485) / 0.229 in red.
    assert images[..., 0].min() == pytest.approx(-2.1179, abs=1e-3)


def test_a_later_start_gives_the_same_batches(data, config):
    steps = steps_per_epoch(data, config.batch_size)
    images, targets = _take(data, config, 2 * steps + 2)
    later_images, later_targets = _take(data, config, 2, start=Position(epoch=2, step=0))
    np.testing.assert_array_equal(images[-16:], later_images)
    np.testing.assert_array_equal(targets[-16:], later_targets)
    within, _ = _take(data, config, steps, start=Position(epoch=0, step=2))
    np.testing.assert_array_equal(images[16 : 8 * (steps + 2)], within)


def test_epochs_differ_in_order_and_in_draws(data, config):
    steps = steps_per_epoch(data, config.batch_size)
    images, _ = _take(data, config, 2 * steps)
    assert np.abs(images[: 8 * steps] - images[8 * steps :]).max() > 0.5


def test_an_epoch_shows_no_image_twice(data, config):
    plain = recipe.configure({**config.model_dump(), "augmentation": {}})
    images, _ = _take(data, plain, steps_per_epoch(data, plain.batch_size))
    assert len({image.tobytes() for image in images}) == len(images)


def test_workers_and_replicas_share_the_global_batch(data, config):
    # mixup has each replica mix its own part.
    config = recipe.configure(config.model_dump(), ["augmentation.mixup=0"])
    whole, _ = _take(data, config, 1)
    replicas, _ = _take(data, config, 2, share=Share(replicas=2))
    np.testing.assert_array_equal(whole, replicas)
    workers = [_take(data, config, 1, share=Share(worker=w, workers=2))[0] for w in range(2)]
    np.testing.assert_array_equal(whole, np.concatenate(workers))


@pytest.mark.parametrize("share", [Share(), Share(replicas=4), Share(worker=0, workers=2)])
def test_validation_counts_each_image_once(data, config, share):
    workers = [
        list(
            validation_batches(
                data, "train", config, Share(worker, share.workers, share.replicas)
            ).as_numpy_iterator()
        )
        for worker in range(share.workers)
    ]
    assert len({len(batches) for batches in workers}) == 1
    assert len(workers[0]) % share.replicas == 0
    weights = np.concatenate([weight for batches in workers for _, _, weight in batches])
    assert weights.sum() == data.sizes["train"]


def test_a_batch_larger_than_the_data_is_refused(data, config):
    with pytest.raises(UserError, match="batch_size of at most the .* Received: batch_size=100"):
        steps_per_epoch(data, 100)
