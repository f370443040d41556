"""The exponential range test (Smith, 2017): which learning rates train, told from a hundred steps."""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_resnets._common.console import progress

from . import networks
from .cluster import ALONE
from .config import Config
from .data.batches import Position
from .feeds import Feed, make_feed
from .loop import train_classifier
from .optim.schedule import RangeTest
from .preparing import make_learner, prepared
from .run.state import decorrelate, read_state, write_state
from .step import Learner

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100
SMOOTHING = 0.9  # of the losses before, in their moving average
DIVERGED = 4.0  # times the least loss: beyond, no larger rate is tried

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class RangeFound:
    """What the loss did while the learning rate grew.

    Attributes:
        rates: Learning rate of each step.
        losses: Mean loss of each step's images.
    """

    rates: Array
    losses: Array

    @property
    def smoothed(self) -> Array:
        """The losses' moving average, freed of the zero that it starts from."""
        average, smoothed = 0.0, []
        for step, loss in enumerate(self.losses, start=1):
            average = SMOOTHING * average + (1 - SMOOTHING) * float(loss)
            smoothed.append(average / (1 - SMOOTHING**step))
        return np.array(smoothed)

    @property
    def least(self) -> float:
        """The rate at which the smoothed loss is least."""
        return float(self.rates[self.smoothed.argmin()])

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss falls the fastest, over its logarithm, up to the least.

        `None` where it does not fall.
        """
        smoothed = self.smoothed[: self.smoothed.argmin() + 1]
        if len(smoothed) < 2:
            return None
        slopes = np.gradient(smoothed, np.log(self.rates[: len(smoothed)]))
        return float(self.rates[slopes.argmin()])

    @property
    def suggestion(self) -> float | None:
        """The steepest rate, but at most a tenth of the least one's, to two digits; `None` for none.

        Example:
            >>> rates = np.geomspace(1e-5, 1, 51)
            >>> falls_at = 1 / (1 + np.exp(2 * np.log(rates / 1e-3)))
            >>> found = RangeFound(rates, 1 + falls_at + 3 * np.maximum(np.log(rates / 0.1), 0))
            >>> 1e-3 < found.suggestion < 1e-2
            True
        """
        if self.steepest is None:
            return None
        return float(f"{min(self.steepest, self.least / 10):.1e}")


def find_learning_rate(config: Config) -> RangeFound:
    """Tries learning rates on the steps that a run of this configuration would take first.

    Nothing is written, but what `--cache` keeps.

    Raises:
        UserError: For whatever the user can mend.
    """
    ready = prepared(config, ALONE)
    config, devices = ready.config, ready.devices
    with devices.strategy.scope():
        learner = make_learner(ready, curve=RangeTest(LOWEST, HIGHEST, STEPS))
        decorrelate(learner)
        ready.served.set_weights(learner.weights())
        feed = make_feed(
            ready.served, ready.data, ready.balance, config, devices, check=lambda: None
        )
        if config.head is not None:
            train_classifier(learner, feed, ready.balance, devices, config.head.views)
        if config.schedule.drop_block:
            networks.set_drop_block_rate(learner.network, 0.0)
        return range_test(learner, _batches(feed, ready.steps), STEPS)


def _batches(feed: Feed, steps_per_epoch: int) -> Iterator[Any]:
    """The training batches of one epoch after the other, without an end."""
    for epoch in itertools.count():
        yield from itertools.islice(feed.epoch(Position(epoch)), steps_per_epoch)


def range_test(learner: Learner, batches: Iterator[Any], steps: int) -> RangeFound:
    """Takes training steps, one for each rate of the learner's curve, and undoes them.

    Args:
        learner: A network in training, whose learning rates are a `RangeTest`.
        batches: Its batches, as many as steps or more.
        steps: Number of steps; fewer are taken where the loss diverges.
    """
    before = read_state(learner)
    found = RangeFound(np.array([]), np.array([]))
    for _ in progress(range(steps), "Learning rates, step", steps):
        sums = learner.step(next(batches))
        loss = sums["loss"] / sums["images"]
        if not math.isfinite(loss):
            break
        found = RangeFound(
            np.append(found.rates, learner.update.last_rate()), np.append(found.losses, loss)
        )
        if found.smoothed[-1] > DIVERGED * found.smoothed.min():
            break
    write_state(learner, before)
    return found
