"""Batches of maps that stand for photos, as `batches.py` makes them of photos."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from keras_resnets.data import as_written, without_stalls

from ..config import Config
from ..devices import WHOLE, Share
from .balance import Balance
from .batches import Position, padded
from .draws import Draws
from .mixing import random_mixing

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class View:
    """One view of each photo of a split, as the stages that do not learn see it.

    Attributes:
        maps: What the learning stages are fed, `(photos, height, width, channels)` float16.
        targets: Target probabilities of the photos, `(photos, classes)` float32.
    """

    maps: Array
    targets: Array


@as_written
def map_batches(
    view: View, balance: Balance, config: Config, start: Position, share: Share = WHOLE
) -> "tf.data.Dataset":
    """The training batches of one epoch from `start` on, each of one replica.

    Args:
        view: The view that the epoch sees.
        balance: What makes every class count alike.
        config: The run's config.
        start: Place in the run of the first batch.
        share: This process's share of each batch.

    Returns:
        A data set of maps, `(replica batch, height, width, channels)`, and target probabilities,
        `(replica batch, classes)`, both float32. A process takes its replicas' batches in turn.
    """
    photos, size = len(view.targets), config.batch_size
    images = photos // size * size
    drawn = np.arange(photos)
    if balance.method == "sampling":
        examples = tf.data.Dataset.from_tensor_slices((drawn, view.targets.argmax(axis=1)))
        sampled = balance.sampled(examples, config.seed, tf.constant(start.epoch, tf.int64))
        drawn = np.array([place for place, _ in sampled.as_numpy_iterator()])
    order = np.random.default_rng([config.seed, start.epoch]).permutation(drawn)[:images]
    numbers = np.arange(start.epoch * images, (start.epoch + 1) * images)

    def ours(values: Array) -> Array:
        steps = values.reshape(-1, share.workers, size // share.workers)
        return steps[start.step :, share.worker].ravel()

    def prepare(numbers: Any, places: Any) -> tuple[Any, Any]:
        draws = Draws(config.seed, numbers[0], of_batch=True)
        return random_mixing(*_taken(view, places), config.augmentation, draws)

    return without_stalls(
        tf.data.Dataset.from_tensor_slices((ours(numbers), ours(order)))
        .batch(share.replica_batch(size), drop_remainder=True)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


@as_written
def map_validation(view: View, config: Config, share: Share = WHOLE) -> "tf.data.Dataset":
    """One pass, as `validation_batches` makes it: `(maps, targets, weights)`."""
    rows = share.replica_batch(config.batch_size)
    batches = (
        tf.data.Dataset.range(len(view.targets))
        .batch(rows)
        .map(lambda places: _taken(view, places))
    )
    return padded(batches, len(view.targets), rows, share)


def _taken(view: View, places: Any) -> tuple[Any, Any]:
    """The maps and the targets at these places, float32."""

    def take(places: Array) -> tuple[Array, Array]:
        return view.maps[places].astype("float32"), view.targets[places]

    found = tf.numpy_function(take, [places], (tf.float32, tf.float32), stateful=False)
    maps, targets = (
        tf.ensure_shape(values, (*places.shape, *kept.shape[1:]))
        for values, kept in zip(found, (view.maps, view.targets), strict=True)
    )
    return maps, targets
