"""`Journal`: how far a run has come, and what it has seen, apart from its variables."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from ..data.batches import Position
from ..step import means


@dataclasses.dataclass
class Journal:
    """The progress of a run, part of every checkpoint.

    Attributes:
        epoch: epochs completed.
        step: steps done of the epoch that follows.
        totals: sums over the images of that epoch so far.
        seconds: spent on it so far.
        rows: one of the history's for each epoch completed.
        best: validation accuracy and negated loss of the best epoch, which compare in that order.
    """

    epoch: int = 0
    step: int = 0
    totals: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    rows: list[dict[str, float]] = dataclasses.field(default_factory=list)
    best: tuple[float, float] = (-1.0, 0.0)

    @property
    def position(self) -> Position:
        return Position(self.epoch, self.step)

    def add_step(self, sums: Mapping[str, float], seconds: float) -> None:
        self.step += 1
        self.seconds += seconds
        for name, value in sums.items():
            self.totals[name] = self.totals.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """Loss and accuracy of the epoch so far."""
        return means(self.totals)

    def end_epoch(self, validation: Mapping[str, float], learning_rate: float) -> bool:
        """Closes the epoch, and says whether it is the best one yet."""
        self.epoch += 1
        row: dict[str, float] = {"epoch": self.epoch, **self.means()}
        row |= {f"validation_{name}": value for name, value in validation.items()}
        row |= {
            "learning_rate": learning_rate,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(self.totals["images"] / max(self.seconds, 1e-9), 1),
        }
        self.rows.append(row)
        self.step, self.totals, self.seconds = 0, {}, 0.0
        reached = validation["accuracy"], -validation["loss"]
        is_best = reached > self.best
        self.best = max(reached, self.best)
        return is_best

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "best": tuple(values["best"])})
