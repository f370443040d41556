"""Paired timing: the rivals take turns, so that a machine that slows down slows all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Milliseconds a call.

    Attributes:
        median: Median over the rounds.
        lowest: The lowest over the rounds.
    """

    median: float
    lowest: float


def take_turns(
    calls: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Times each call once a round, for `rounds` rounds after `warm_up` untimed ones.

    By `time.thread_time` other programs count for little, where a call works in its own thread alone.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm_up + rounds):
        for name, call in calls.items():
            start = clock()
            call()
            if turn >= warm_up:
                seconds[name].append(clock() - start)
    return {
        name: Times(1e3 * statistics.median(values), 1e3 * min(values))
        for name, values in seconds.items()
    }
