"""What the network is fed: endless training batches, and one padded pass for validation.

The order and every random change follow from the seed and the epoch's number alone, so that the
batches after any step are the same in a process that starts there.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from keras_resnets.data import ImageData, as_written, evaluation_batches, without_stalls
from keras_resnets.errors import UserError

from ..config import Config
from ..devices import WHOLE, Share
from .balance import Balance
from .draws import Draws
from .mixing import random_mixing
from .transform import training_image

SIZED = 64  # images whose size stands for all in `_shuffle_buffer`


@dataclasses.dataclass(frozen=True)
class Position:
    """How far a run has come: epochs completed, and steps of the one that follows."""

    epoch: int = 0
    step: int = 0


def steps_per_epoch(data: ImageData, batch_size: int) -> int:
    """Whole batches of an epoch. What remains is left out, other images in each epoch.

    Raises:
        UserError: Where there is not even one.
    """
    steps = data.sizes["train"] // batch_size
    if steps == 0:
        raise UserError(
            f"Expected a batch_size of at most the {data.sizes['train']} training images. "
            f"Received: batch_size={batch_size}."
        )
    return steps


@as_written
def training_batches(
    data: ImageData, config: Config, start: Position = Position(), share: Share = WHOLE
) -> "tf.data.Dataset":
    """The batches from `start` on, without an end, each of one replica.

    Returns:
        A data set of normalised images, `(replica batch, size, size, 3)`, and target probabilities,
        `(replica batch, classes)`, both float32. A process takes its replicas' batches in turn.
    """
    # Dataset.shuffle mixes the global seed into its own, and cannot take a tensor where that is 0.
    tf.random.set_seed(config.seed + 1)
    size = config.batch_size
    images = steps_per_epoch(data, size) * size
    replica_batch = share.replica_batch(size)
    local_batch = replica_batch * share.replicas
    buffer = _shuffle_buffer(data, config)
    balance = Balance.of(config.balance, data)

    def epoch_examples(epoch: Any) -> "tf.data.Dataset":
        examples = data.examples("train", decode=False)
        if balance.method == "sampling":
            examples = balance.sampled(examples, config.seed, epoch)
        shuffled = examples.shuffle(
            buffer, seed=config.seed + epoch, reshuffle_each_iteration=False
        )
        numbers = tf.data.Dataset.range(epoch * images, (epoch + 1) * images)
        return tf.data.Dataset.zip(numbers, shuffled)

    def is_ours(number: Any, _: Any) -> Any:
        return number % size // local_batch == share.worker

    def prepare(number: Any, example: Any) -> tuple[Any, Any, Any]:
        encoded, label = example
        draws = Draws(config.seed, number)
        image = training_image(encoded, config.preprocessing, config.augmentation, draws)
        return number, image, label

    def finish(numbers: Any, images: Any, labels: Any) -> tuple[Any, Any]:
        draws = Draws(config.seed, numbers[0], of_batch=True)
        images, targets = random_mixing(
            images, targets_of(data, labels), config.augmentation, draws
        )
        return preprocessing.normalize(images), targets

    preprocessing = config.preprocessing
    first = tf.constant(start.epoch, tf.int64)
    examples = epoch_examples(first).skip(start.step * size)
    later = tf.data.Dataset.range(start.epoch + 1, tf.int64.max).flat_map(epoch_examples)
    examples = examples.concatenate(later)
    if share.workers > 1:
        examples = examples.filter(is_ours)
    return without_stalls(
        examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(replica_batch, drop_remainder=True)
        .map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def targets_of(data: ImageData, labels: Any) -> Any:
    """Target probabilities `(images, classes)`, float32, of the labels of a batch."""
    if data.multi_label:
        return tf.cast(labels, tf.float32)
    return tf.one_hot(labels, len(data.class_names))


def _shuffle_buffer(data: ImageData, config: Config) -> int:
    """As many images as the memory for shuffling holds."""
    examples = data.examples("train", decode=False).take(SIZED)
    sizes = [len(encoded) for encoded, _ in examples.as_numpy_iterator()]
    mean = max(1, sum(sizes) // len(sizes))
    return max(1, min(data.sizes["train"], config.data.shuffle_megabytes * 2**20 // mean))


@as_written
def validation_batches(
    data: ImageData, split: str, config: Config, share: Share = WHOLE
) -> "tf.data.Dataset":
    """One pass, filled up with images of no weight until every replica has equally many batches.

    Returns:
        A data set of `(images, targets, weights)` with as many rows as a training batch.
    """
    rows = share.replica_batch(config.batch_size)
    batches = evaluation_batches(data, split, config.preprocessing, rows)
    with_targets = batches.map(lambda images, labels: (images, targets_of(data, labels)))
    return padded(with_targets, data.sizes[split], rows, share)


def padded(batches: "tf.data.Dataset", photos: int, rows: int, share: Share) -> "tf.data.Dataset":
    """Batches filled up with inputs of no weight until every replica has equally many.

    Args:
        batches: One pass of `(inputs, targets)`, of which the last may have fewer rows.
        photos: Number of inputs in all.
        rows: Number of inputs of a batch.
        share: This process's share of them.
    """

    shape, classes = (tuple(spec.shape[1:]) for spec in batches.element_spec)

    def fill(images: Any, targets: Any) -> tuple[Any, Any, Any]:
        lacking = rows - tf.shape(targets)[0]
        weights = tf.pad(tf.ones(tf.shape(targets)[:1]), [(0, lacking)])
        images = tf.pad(images, [(0, lacking), *[(0, 0)] * len(shape)])
        targets = tf.pad(targets, [(0, lacking), (0, 0)])
        return (
            tf.ensure_shape(images, (rows, *shape)),
            tf.ensure_shape(targets, (rows, *classes)),
            tf.ensure_shape(weights, (rows,)),
        )

    batches = batches.map(fill)
    replicas = share.workers * share.replicas
    lacking = -len(range(0, photos, rows)) % replicas
    empty = tf.data.Dataset.from_tensors(
        (
            tf.zeros((rows, *shape)),
            tf.zeros((rows, *classes)),
            tf.zeros((rows,)),
        )
    ).repeat(lacking)
    batches = batches.concatenate(empty)
    if share.workers > 1:
        batches = (
            batches.enumerate()
            .filter(lambda index, _: index % replicas // share.replicas == share.worker)
            .map(lambda _, batch: batch)
        )
    return batches.prefetch(tf.data.AUTOTUNE)
