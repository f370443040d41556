"""Weights beside the weights, updated within each step: an exponential average, and Lookahead's."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from .arrays import arrays_of


class Ema:
    """An exponential moving average of the trainable weights (Polyak & Juditsky, 1992).

    The decay starts at 0.1 and grows to the given one as (1 + steps) / (10 + steps), so that the
    random start is soon forgotten. Batch statistics are moving averages by themselves.

    Args:
        variables: The network's trainable variables, in `strategy.scope()`.
        decay: Weight of the old average.
    """

    def __init__(self, variables: Sequence[keras.Variable], decay: float):
        self.decay = decay
        self.averages = _copies(variables, "ema")

    def update(self, strategy: Any, variables: Sequence[keras.Variable], step: Any) -> None:
        steps = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1 + steps) / (10 + steps))

        def move(average: Any, variable: Any) -> None:
            average.assign(decay * average + (1 - decay) * variable)

        for average, variable in zip(self.averages, variables, strict=True):
            strategy.extended.update(average.value, move, args=(variable.value,), group=False)

    @property
    def variables(self) -> list[keras.Variable]:
        return self.averages


class SlowWeights:
    """Lookahead (Zhang et al., 2019, algorithm 1).

    Every `steps` steps the slow weights go `share` of the way to the fast ones, which then start
    again from there.

    Args:
        variables: The network's trainable variables, in `strategy.scope()`.
        steps: Number of steps between two moves, k of the paper.
        share: Share of the way of a move, alpha of the paper.
    """

    def __init__(self, variables: Sequence[keras.Variable], steps: int, share: float):
        self.steps = steps
        self.share = share
        self.slow = _copies(variables, "slow")

    def update(self, strategy: Any, variables: Sequence[keras.Variable], step: Any) -> None:
        is_due = (step + 1) % self.steps == 0

        def move(fast: Any, slow: Any) -> None:
            there = slow + self.share * (fast - slow)
            slow.assign(tf.where(is_due, there, slow))
            fast.assign(tf.where(is_due, there, fast))

        for variable, slow in zip(variables, self.slow, strict=True):
            strategy.extended.update(variable.value, move, args=(slow.value,), group=False)

    @property
    def variables(self) -> list[keras.Variable]:
        return self.slow


def _copies(variables: Sequence[keras.Variable], name: str) -> list[keras.Variable]:
    return [
        keras.Variable(value, trainable=False, name=f"{name}_{i}")
        for i, value in enumerate(arrays_of(variables))
    ]
