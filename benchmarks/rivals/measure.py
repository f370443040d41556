"""One cell of the table: its engines started, their turns taken, the rivals compared."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.rivals.control import gigaflops
from benchmarks.rivals.environments import Environments
from benchmarks.rivals.process import ROOT, EngineError, EngineProcess
from benchmarks.rivals.rounds import Rounds, take_rounds
from benchmarks.rivals.tasks import GMACS, OURS, Cell, Contender, Preparation, Size

# Of the matrix product's speed, LiteRT float32: the goal and where it stands.
PEAK_GOAL = 0.85
PEAK_TASK = "litert-float32"
PEAK_MODELS = ("ResNeXt50", "ResNeSt50", "Res2Net50_26w_4s")


@dataclass(frozen=True)
class Result:
    """What one cell showed, in JSON's types.

    Attributes:
        task, model, title, goal: The cell's task, model, title and goal.
        contenders: The contenders by name: median, 10th and 90th percentile in milliseconds, how
            many calls, and the most bytes that the process held.
        best_rival: The rival with the lowest median; `None` where there is none.
        ratio: Our time / the best rival's, paired by rounds; `None` likewise.
        ratio_range: Lowest and highest ratio over the rounds.
        share_of_peak: Share of the matrix product's speed; `None` where it says nothing.
        rounds: Number of rounds that count.
        thrown_away: Number of rounds that do not.
        clean: Whether those that count were undisturbed.
        peak_gigaflops: Speed of the fastest matrix product.
        absent: Why a rival is not in it, by name.
    """

    task: str
    model: str
    title: str
    goal: float
    contenders: Mapping[str, Mapping[str, float]]
    best_rival: str | None
    ratio: float | None
    ratio_range: tuple[float, float] | None
    share_of_peak: float | None
    rounds: int
    thrown_away: int
    clean: bool
    peak_gigaflops: float
    absent: Mapping[str, str]

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; `None` where we or all rivals are missing."""
        if OURS not in self.contenders:
            return None
        if self.is_absolute:
            return self.contenders[OURS]["median"] <= self.goal
        return None if self.ratio is None else self.ratio <= self.goal

    @property
    def is_absolute(self) -> bool:
        """Whether the goal is milliseconds, and not a ratio."""
        return self.task in ABSOLUTE and self.best_rival is None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


# Their goals are milliseconds: they have no rivals but an earlier commit.
ABSOLUTE = ("import", "build")


@dataclass(frozen=True)
class Bench:
    """Measures cells.

    Attributes:
        size: How much is measured.
        environments: Environments of the rivals.
        control: The matrix product.
        threads: Number of threads allowed to every engine.
        log: Where the engines' chatter goes.
    """

    size: Size
    environments: Environments
    control: Callable[[], float]
    threads: int
    log: TextIO

    def measure(self, cell: Cell) -> Result:
        """Starts the engines of a cell, times them in turns, and ends them."""
        absent = dict(cell.absent)
        engines: dict[str, EngineProcess] = {}
        counts: dict[str, int] = {}
        with contextlib.ExitStack() as stack:
            # All import their libraries at once, which is most of a quick comparison; then each warms
            # up alone.
            started: list[tuple[Contender, EngineProcess]] = []
            for contender in cell.contenders:
                try:
                    self._make_file(contender)
                    engine = stack.enter_context(self._start(contender.preparation))
                    started.append((contender, engine))
                except (EngineError, OSError) as error:
                    absent[contender.name] = str(error)
            for contender, engine in started:
                try:
                    engine.prepare(contender.preparation.options)
                    counts[contender.name] = self._calls(engine, cell)
                except EngineError as error:
                    absent[contender.name] = str(error)
                else:
                    engines[contender.name] = engine
            wanted = self.size.slow_rounds if cell.slow else self.size.rounds
            rounds = take_rounds(
                engines, counts, self.control, wanted=wanted, most=wanted * self.size.attempts
            )
            peaks = {name: engine.peak_bytes for name, engine in engines.items()}
        return summary(cell, rounds, peaks, absent)

    def _make_file(self, contender: Contender) -> None:
        maker = contender.maker
        if maker is None or Path(str(maker.options["file"])).is_file():
            return
        with self._start(maker) as engine:
            engine.prepare(maker.options)
            engine.run(1)

    def _start(self, preparation: Preparation) -> EngineProcess:
        python = self.environments.python(preparation.environment)
        root = Path(preparation.checkout) if preparation.checkout else ROOT
        module = _module(root, preparation.engine)
        command = [str(python), "-m", module]
        return EngineProcess(command, threads=self.threads, log=self.log, root=root)

    def _calls(self, engine: EngineProcess, cell: Cell) -> int:
        """How many fill a turn."""
        if cell.slow:
            return 1
        return max(1, round(1e3 * self.size.turn / min(engine.run(2))))


def _module(root: Path, engine: str) -> str:
    """An engine's module: the benchmarks had no folder of the rivals at first."""
    has_folder = (root / "benchmarks/rivals/engines").is_dir()
    return f"benchmarks.{'rivals.' if has_folder else ''}engines.{engine}"


def summary(
    cell: Cell, rounds: Rounds, peaks: Mapping[str, int], absent: Mapping[str, str]
) -> Result:
    """What the rounds of a cell come to.

    Args:
        cell: The cell.
        rounds: Its rounds.
        peaks: The most bytes that each contender's process held.
        absent: Why a rival is not in it, by name.
    """
    statistics = {}
    for name, peak in peaks.items():
        times = rounds.times(name)
        low, middle, high = np.percentile(times, (10, 50, 90))
        statistics[name] = {
            "median": float(middle),
            "p10": float(low),
            "p90": float(high),
            "calls": len(times),
            "peak_bytes": peak,
        }
    rivals = [name for name in peaks if name != OURS]
    best = min(rivals, key=rounds.median, default=None)
    ratio, ratio_range, share = None, None, None
    if best is not None and OURS in peaks:
        ratio, ratio_range = rounds.ratio(OURS, best), rounds.ratio_range(OURS, best)
    if cell.task == PEAK_TASK and cell.model in PEAK_MODELS and OURS in peaks:
        share = 2e3 * GMACS[cell.model] / rounds.median(OURS) / gigaflops(rounds.control)
    return Result(
        task=cell.task,
        model=cell.model,
        title=cell.title,
        goal=cell.goal,
        contenders=statistics,
        best_rival=best,
        ratio=ratio,
        ratio_range=ratio_range,
        share_of_peak=share,
        rounds=len(rounds.kept),
        thrown_away=rounds.thrown_away,
        clean=rounds.clean,
        peak_gigaflops=gigaflops(rounds.control),
        absent=absent,
    )
