"""`Journal`: how far a run has come, and what it has seen, apart from its variables."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from ..data.batches import Position
from ..step import add, means

WORST = (-1.0, 0.0)


@dataclasses.dataclass
class Journal:
    """The progress of a run, part of every checkpoint.

    Attributes:
        epoch: Number of epochs completed.
        step: Steps done of the epoch that follows.
        totals: Sums over the images of that epoch so far.
        seconds: Seconds spent on it so far.
        rows: One of the history's for each epoch completed, and for the classifier alone.
        best: Validation measure and negated loss of the best epoch, which compare in that order.
        best_epoch: Number of that epoch, or of the last one on other data; 0 before the first.
        steps_before: Steps done before the first of this epoch, since the start of the run.
        head: Whether the classifier was trained alone.
    """

    epoch: int = 0
    step: int = 0
    totals: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    rows: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best: tuple[float, float] = WORST
    best_epoch: int = 0
    steps_before: int = 0
    head: bool = False

    @property
    def position(self) -> Position:
        """Where the batches that follow begin."""
        return Position(self.epoch, self.step)

    @property
    def steps_done(self) -> int:
        """Since the start of the run, however long its epochs were."""
        return self.steps_before + self.step

    def add_step(self, sums: Mapping[str, float], seconds: float) -> None:
        """Counts a step with its sums over the images."""
        self.step += 1
        self.seconds += seconds
        add(self.totals, sums)

    def means(self) -> dict[str, float]:
        """Loss and accuracy of the epoch so far."""
        return means(self.totals)

    def end_head(
        self,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        images: int,
        seconds: float,
        chosen_by: str = "accuracy",
    ) -> None:
        """Closes the classifier's own training, which is epoch 0 of the history, and the best yet.

        Args:
            training: Loss and accuracy on the training images.
            validation: Loss and accuracy on the validation images.
            images: Number of images whose features it took.
            seconds: Seconds that it took.
            chosen_by: Measure of which the best epoch has the highest.
        """
        self.head = True
        self._add_row(training, validation, 0.0, images, seconds, chosen_by)

    def end_epoch(
        self,
        validation: Mapping[str, float],
        learning_rate: float,
        chosen_by: str = "accuracy",
    ) -> bool:
        """Closes the epoch, and says whether it is the best one yet.

        Args:
            validation: Loss, accuracy and other measures of the validation images.
            learning_rate: Learning rate of the last step.
            chosen_by: Measure of which the best epoch has the highest.
        """
        self.epoch += 1
        is_best = self._add_row(
            self.means(),
            validation,
            learning_rate,
            self.totals["images"],
            self.seconds,
            chosen_by,
        )
        self._begin_epoch()
        return is_best

    def _add_row(
        self,
        training: Mapping[str, float],
        validation: Mapping[str, float],
        learning_rate: float,
        images: float,
        seconds: float,
        chosen_by: str,
    ) -> bool:
        """Adds a row to the history, and says whether it is the best one yet."""
        row: dict[str, float] = {"epoch": self.epoch, **training}
        row |= {f"validation_{name}": value for name, value in validation.items()}
        row |= {
            "learning_rate": learning_rate,
            "seconds": round(seconds, 3),
            "images_per_second": round(images / max(seconds, 1e-9), 1),
        }
        self.rows.append(row)
        reached = validation[chosen_by], -validation["loss"]
        is_best = reached > self.best
        if is_best:
            self.best, self.best_epoch = reached, self.epoch
        return is_best

    def is_over(self, epochs: int, patience: int | None) -> bool:
        """Whether the run has come to its end.

        Args:
            epochs: Number of epochs at most.
            patience: Number of epochs without a better one that end it; `None` for any number.
        """
        stalled = self.epoch - self.best_epoch
        return self.epoch >= epochs or (patience is not None and stalled >= patience)

    def go_on_with_other_data(self) -> None:
        """Begins the epoch again, and no longer compares with what other images gave."""
        self._begin_epoch()
        self.best, self.best_epoch = WORST, self.epoch

    def _begin_epoch(self) -> None:
        self.steps_before += self.step
        self.step, self.totals, self.seconds = 0, {}, 0.0

    def to_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], steps_done: int) -> Self:
        """From a checkpoint.

        Args:
            values: Values from `to_dict`; in files from before they were kept without `steps_before`
                and `best_epoch`.
            steps_done: Number of steps done at the checkpoint.
        """
        journal = cls(**{**values, "best": tuple(values["best"])})
        journal.steps_before = steps_done - journal.step
        return journal
