"""`LossScale`: what keeps float16 gradients from vanishing."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

GROWTH_STEPS = 2000


class LossScale:
    """A factor of the loss that halves when a gradient overflows and doubles after a calm time.

    A step whose gradient overflows is taken with a gradient of zero. Keras' LossScaleOptimizer leaves
    the step out, but cannot be given gradients that are reduced already.

    To be made in `strategy.scope()`.
    """

    def __init__(self, initial: float = 2.0**15):
        self.scale = _scalar(initial, "loss_scale")
        self.calm = _scalar(0.0, "calm_steps")

    def scaled(self, loss: Any) -> Any:
        return loss * self.scale.value

    def unscaled(self, gradients: Sequence[Any]) -> list[Any]:
        """The true gradients, zeros where they overflowed; adapts the scale. On each replica."""
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
        scale = tf.identity(self.scale.value)
        tf.distribute.get_replica_context().merge_call(self._adapt, args=(finite,))
        return [tf.where(finite, g / scale, tf.zeros_like(g)) for g in gradients]

    def _adapt(self, strategy: Any, finite: Any) -> None:
        def adapt(scale: Any, calm: Any, finite: Any) -> None:
            steps = tf.where(finite, calm + 1, 0.0)
            grown = steps >= GROWTH_STEPS
            factor = tf.where(finite, tf.where(grown, 2.0, 1.0), 0.5)
            scale.assign(tf.maximum(scale * factor, 1.0))
            calm.assign(tf.where(grown, 0.0, steps))

        strategy.extended.update(
            self.scale.value, adapt, args=(self.calm.value, finite), group=False
        )

    @property
    def variables(self) -> list[keras.Variable]:
        return [self.scale, self.calm]


def _scalar(value: float, name: str) -> keras.Variable:
    return keras.Variable(value, trainable=False, dtype="float32", name=name)
