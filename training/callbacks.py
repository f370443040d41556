"""What happens around the steps and epochs of `fit`."""

import contextlib
import math
import signal
import time
from collections.abc import Iterator
from typing import Any

import keras

from keras_resnets.errors import UserError

from .reporting.progress import Progress
from .run.session import Session
from .run.signals import Stopped, StopRequests


class NotFinite(UserError):
    """The loss or a weight is no number any more."""

    exit_code = 3


class Steps(keras.callbacks.Callback):
    """Counts the steps, and stops between two of them where it must.

    Reading the loss waits for the device; what that costs buys the name of the step that failed.

    Args:
        session: the run.
        requests: the signals that have come in.
        progress: what the terminal shows.
    """

    def __init__(self, session: Session, requests: StopRequests, progress: Progress):
        super().__init__()
        self.session = session
        self.requests = requests
        self.progress = progress
        self._clock = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.session.begin_epoch()
        self._clock = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.session.learner.stop_asked = self.requests.received is not None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        session, journal = self.session, self.session.journal
        sums = {name: float(value) for name, value in logs.items()}
        stop = sums.pop("stop")
        now = time.perf_counter()
        journal.add_step(sums, now - self._clock)
        self._clock = now
        if not math.isfinite(sums["loss"]):
            raise NotFinite(_not_finite(session))
        shown = {**journal.means(), "learning_rate": session.learning_rate()}
        self.progress.step(journal.epoch, journal.step, shown)
        with _finite(session):
            session.end_step()
            if stop:
                session.save_checkpoint()
                # Where the signal went to another process, SIGTERM stands for it.
                raise Stopped(self.requests.received or signal.SIGTERM)


class Epochs(keras.callbacks.Callback):
    """Validates after each epoch, and puts on the disk what was reached."""

    def __init__(self, session: Session, progress: Progress):
        super().__init__()
        self.session = session
        self.progress = progress

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with _finite(self.session):
            self.session.end_epoch()
        row = dict(self.session.journal.rows[-1])
        self.progress.epoch(epoch, {name: row[name] for name in row if name != "epoch"})


@contextlib.contextmanager
def _finite(session: Session) -> Iterator[None]:
    """Says more where a checkpoint is refused."""
    try:
        yield
    except FloatingPointError as error:
        raise NotFinite(_not_finite(session)) from error


def _not_finite(session: Session) -> str:
    journal = session.journal
    return (
        f"Expected a finite loss and finite weights. Received: NaN or infinity at step "
        f"{journal.step} of epoch {journal.epoch + 1}, with a learning rate of "
        f"{session.learning_rate():.3g}. What was reached before is kept in {session.folder.path}. "
        "Start again with a lower optimizer.learning_rate, a longer schedule.warmup, or "
        "optimizer.clip=1."
    )
