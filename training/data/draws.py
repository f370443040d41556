"""`Draws`: random numbers that depend on nothing but the seed, the epoch and the example."""

from typing import Any

import tensorflow as tf

from keras_resnets.errors import UserError

# Draws that one example, or one batch, may take: the lowest digits of the second seed count them.
CAPACITY = 512


class Draws:
    """A stream of draws for one example, or one batch.

    The same example of the same epoch gets the same draws in whatever process and order it comes, so
    a run that was stopped continues as if it had not been.

    Args:
        seed: Seed of the run, a Python integer.
        number: Number of the example, a scalar int64 tensor, different for every example of every
            epoch.
        of_batch: Whether the draws are those of the batch that begins with this example.
    """

    def __init__(self, seed: int, number: Any, *, of_batch: bool = False):
        self._seed = seed
        self._number = (2 * tf.cast(number, tf.int64) + int(of_batch)) * CAPACITY
        self._taken = 0

    def seed(self) -> Any:
        """The seed of the next stateless operation, `(2,)` int64."""
        if self._taken == CAPACITY:
            raise UserError(f"Expected at most {CAPACITY} draws for one example.")
        self._taken += 1
        return tf.stack([tf.constant(self._seed, tf.int64), self._number + self._taken - 1])

    def uniform(self, low: float = 0.0, high: float = 1.0, shape: Any = ()) -> Any:
        """A float32 in `[low, high)`."""
        return tf.random.stateless_uniform(shape, self.seed(), low, high)

    def integer(self, high: Any, shape: Any = ()) -> Any:
        """An int32 in `[0, high)`."""
        return tf.random.stateless_uniform(shape, self.seed(), 0, high, dtype=tf.int32)

    def chance(self, probability: float) -> Any:
        """True with that probability."""
        return self.uniform() < probability

    def sign(self) -> Any:
        """Either -1.0 or 1.0."""
        return tf.where(self.chance(0.5), 1.0, -1.0)
