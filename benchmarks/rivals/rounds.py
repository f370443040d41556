"""Rounds of turns: A B C, C B A, A B C, …, with a matrix product before, between and after.

To and fro, since who is first in every round always meets a processor that was elsewhere. The product
takes the same time on an undisturbed machine. A round in which it took longer is thrown away, and
another is run.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

# A control slower than the best by more than this marks its round as disturbed.
TOLERANCE = 1.15


class Runs(Protocol):
    """What can be timed: an `EngineProcess`."""

    def run(self, count: int) -> list[float]:
        """The milliseconds of each of `count` calls."""


@dataclass(frozen=True)
class Round:
    """One turn of each contender.

    Attributes:
        milliseconds: Milliseconds of each call, by contender.
        controls: Milliseconds of the matrix product, before, between and after the turns.
    """

    milliseconds: Mapping[str, Sequence[float]]
    controls: Sequence[float]

    def median(self, contender: str) -> float:
        return statistics.median(self.milliseconds[contender])


@dataclass(frozen=True)
class Rounds:
    """The rounds of a cell.

    Attributes:
        kept: Rounds that count.
        thrown_away: Number of rounds that did not.
        clean: Whether those that count were undisturbed; where too few were, the least disturbed
            count, and this says so.
        control: Milliseconds of the fastest matrix product.
    """

    kept: Sequence[Round]
    thrown_away: int
    clean: bool
    control: float

    def times(self, contender: str) -> list[float]:
        """All calls that count."""
        return [time for one in self.kept for time in one.milliseconds[contender]]

    def median(self, contender: str) -> float:
        """Of all calls that count, in milliseconds."""
        return statistics.median(self.times(contender))

    def ratio(self, contender: str, rival: str) -> float:
        """The median over the rounds of the two medians' ratio: both turns saw the same machine."""
        return statistics.median(one.median(contender) / one.median(rival) for one in self.kept)

    def ratio_range(self, contender: str, rival: str) -> tuple[float, float]:
        """The lowest and the highest of those ratios."""
        ratios = [one.median(contender) / one.median(rival) for one in self.kept]
        return min(ratios), max(ratios)


def take_rounds(
    engines: Mapping[str, Runs],
    calls: Mapping[str, int],
    control: Callable[[], float],
    *,
    wanted: int,
    most: int,
) -> Rounds:
    """Runs rounds until enough were undisturbed.

    Args:
        engines: The contenders, in the order of their turns; every other round it is reversed.
        calls: Number of calls of a turn.
        control: A function that runs the matrix product and returns its milliseconds.
        wanted: Number of undisturbed rounds wanted.
        most: Number of rounds at most, disturbed ones among them; `wanted` or more.
    """
    rounds: list[Round] = []
    kept: list[Round] = []
    while len(rounds) < most and len(kept) < wanted:
        controls = [control()]
        milliseconds = {}
        turns = list(engines)[:: -1 if len(rounds) % 2 else 1]
        for name in turns:
            milliseconds[name] = engines[name].run(calls[name])
            controls.append(control())
        rounds.append(Round(milliseconds, controls))
        # Against the best so far: a round that looked clean may turn out not to be.
        best = min(min(one.controls) for one in rounds)
        kept = [one for one in rounds if max(one.controls) <= TOLERANCE * best]
    clean = len(kept) >= wanted
    if not clean:
        kept = sorted(rounds, key=lambda one: max(one.controls))[:wanted]
    return Rounds(kept, len(rounds) - len(kept), clean, best)
