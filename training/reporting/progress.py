"""What the terminal shows while a run goes on."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from keras_resnets._common.console import clock

WIDTH = 20  # of the bar, in characters
REFRESH = 0.2  # seconds between two drawings of the bar


class Progress:
    """A bar for the epoch in progress, where the output is a terminal, and a line for each one done.

    Args:
        epochs: Number of epochs of the run.
        steps_per_epoch: Number of steps of each epoch.
        batch_size: Number of images of a step.
        stream: The stream to write to, standard output by default.
    """

    def __init__(
        self, epochs: int, steps_per_epoch: int, batch_size: int, stream: TextIO | None = None
    ):
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.stream = stream or sys.stdout
        self._drawn = 0.0
        self._start = 0.0
        self._steps = 0

    def begin(self) -> None:
        """Starts the clock, after the first step: that one is for tracing the graph."""
        self._start, self._steps = time.perf_counter(), 0

    def images_per_second(self) -> float:
        return self._steps * self.batch_size / max(time.perf_counter() - self._start, 1e-9)

    def step(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """Shows that `step` steps of `epoch`, counted from 0, are done."""
        if not self._start:
            self.begin()
        else:
            self._steps += 1
        now = time.perf_counter()
        if not self.stream.isatty() or now - self._drawn < REFRESH:
            return
        self._drawn = now
        full = WIDTH * step // self.steps_per_epoch
        parts = [f"epoch {epoch + 1}/{self.epochs}", f"[{'=' * full}{' ' * (WIDTH - full)}]"]
        parts += [f"{step}/{self.steps_per_epoch}", *_shown(values)]
        if self._steps:
            remaining = (self.epochs - epoch) * self.steps_per_epoch - step
            rate = self.images_per_second()
            parts += [f"{rate:.0f} images/s", f"{clock(remaining * self.batch_size / rate)} left"]
        self._write("\r" + "  ".join(parts) + "\x1b[K")

    def epoch(self, values: Mapping[str, float]) -> None:
        """Leaves a line for an epoch that is done, a row of the history; 0 is the classifier alone."""
        start = "\r\x1b[K" if self.stream.isatty() else ""
        number = round(values["epoch"])
        title = f"epoch {number}/{self.epochs}" if number else "classifier"
        shown = _shown({name: value for name, value in values.items() if name != "epoch"})
        self._write("  ".join([f"{start}{title}", *shown]) + "\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def _shown(values: Mapping[str, float]) -> list[str]:
    return [f"{name.replace('_', ' ')} {value:.4g}" for name, value in values.items()]
