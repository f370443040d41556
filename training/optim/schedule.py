"""The learning rate as a function of the step alone, so that a resumed run needs no memory of it."""

import math
from typing import Any

import keras
from keras import ops

from ..config import Schedule


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The curve that a `Schedule` describes, after a linear warm-up.

    Args:
        peak: the rate at which the curve starts.
        schedule: the curve, over epochs.
        epochs: of the whole run.
        steps_per_epoch: optimizer steps of each.
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
        if schedule.name == "steps":
            passed = sum(
                ops.cast(epoch >= milestone, "float32") for milestone in schedule.milestones
            )
            return ops.power(schedule.factor, passed)
        if schedule.name == "cosine":
            length = max(self.epochs - schedule.warmup, 1e-6)
            progress = ops.clip((epoch - schedule.warmup) / length, 0.0, 1.0)
            half = (1 + ops.cos(math.pi * progress)) / 2
            return schedule.final + (1 - schedule.final) * half
        if schedule.name == "cyclical":
            # Up and down in straight lines between `final` and 1 (Smith, 2017, "triangular").
            phase = ops.mod((epoch - schedule.warmup) / schedule.cycle, 1.0)
            return schedule.final + (1 - schedule.final) * (1 - ops.abs(2 * phase - 1))
        return 1.0

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "schedule": self.schedule.model_dump(),
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LearningRate":
        return cls(**{**config, "schedule": Schedule(**config["schedule"])})
