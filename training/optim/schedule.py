"""The learning rate as a function of the step alone, so that a resumed run needs no memory of it."""

import math
from typing import Any

import keras
from keras import ops

from ..config import Cosine, Cyclical, Schedule, Steps


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The curve that a schedule describes, after a linear warm-up.

    Args:
        peak: The rate at which the curve starts.
        schedule: The curve, over epochs.
        epochs: Number of the whole run.
        steps_per_epoch: Optimizer steps of each.
    """

    def __init__(self, peak: float, schedule: Schedule, epochs: int, steps_per_epoch: int):
        self.peak = peak
        self.schedule = schedule
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        warmup = self.schedule.warmup * self.steps_per_epoch
        # The first step moves already, and the last of the warm-up has the full rate.
        warm = ops.minimum(1.0, (step + 1) / max(warmup, 1.0))
        return self.peak * warm * self._factor(step / self.steps_per_epoch)

    def _factor(self, epoch: Any) -> Any:
        schedule = self.schedule
        after = epoch - schedule.warmup
        match schedule:
            case Steps():
                passed = sum(
                    ops.cast(epoch >= milestone, "float32") for milestone in schedule.milestones
                )
                return ops.power(schedule.factor, passed)
            case Cosine():
                length = max(self.epochs - schedule.warmup, 1e-6)
                half = (1 + ops.cos(math.pi * ops.clip(after / length, 0.0, 1.0))) / 2
                return schedule.final + (1 - schedule.final) * half
            case Cyclical():
                # "triangular" of the paper.
                phase = ops.mod(after / schedule.cycle, 1.0)
                return schedule.final + (1 - schedule.final) * (1 - ops.abs(2 * phase - 1))
            case _:
                return 1.0


class RangeTest(keras.optimizers.schedules.LearningRateSchedule):
    """Grows by the same factor at each step (Smith, 2017, with exponential growth).

    Args:
        lowest: Rate of the first step.
        highest: Rate of the last step.
        steps: Number of steps, 2 or more.
    """

    def __init__(self, lowest: float, highest: float, steps: int):
        self.lowest = lowest
        self.highest = highest
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        share = ops.cast(step, "float32") / (self.steps - 1)
        return self.lowest * ops.power(self.highest / self.lowest, share)
