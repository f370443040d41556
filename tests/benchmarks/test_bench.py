"""The driver's arithmetic: which rounds count, what is compared with what, what is written."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import keras_resnets
from benchmarks.rivals import bench
from benchmarks.rivals.environments import Environments
from benchmarks.rivals.measure import Bench
from benchmarks.rivals.process import EngineError, EngineProcess
from benchmarks.rivals.report import markdown, picture
from benchmarks.rivals.rounds import take_rounds
from benchmarks.rivals.tasks import (
    FULL,
    GMACS,
    OURS,
    QUICK,
    TIMM,
    Cell,
    Contender,
    Preparation,
    Size,
    against_earlier,
    cells,
)

FAKE = Path(__file__).with_name("fake_engine.py")


class Scripted:
    """An engine that takes these milliseconds, call after call."""

    def __init__(self, *times):
        self.times = list(times)

    def run(self, count):
        taken, self.times = self.times[:count], self.times[count:]
        return taken


def rounds_of(controls, ours, rival, *, wanted, most, calls=1):
    controls = iter(controls)
    engines = {OURS: Scripted(*ours), "rival": Scripted(*rival)}
    counts = dict.fromkeys(engines, calls)
    return take_rounds(engines, counts, lambda: next(controls), wanted=wanted, most=most)


def test_a_disturbed_round_is_thrown_away_and_repeated():
    controls = [10, 10, 10, 10, 12, 10, 11, 10, 10]  # 12 is 20 % off the best, 11 is 10 %
    rounds = rounds_of(controls, ours=[5, 50, 6], rival=[10, 10, 10], wanted=2, most=9)
    assert rounds.times(OURS) == [5, 6]
    assert rounds.thrown_away == 1
    assert rounds.clean
    assert rounds.control == 10


def test_a_round_is_thrown_away_when_a_later_one_shows_that_it_was_disturbed():
    controls = [20, 20, 20, 10, 10, 10, 10, 10, 10]
    rounds = rounds_of(controls, ours=[9, 5, 6], rival=[9, 9, 9], wanted=2, most=9)
    assert rounds.times(OURS) == [5, 6]
    assert rounds.thrown_away == 1


def test_nobody_is_always_the_first():
    turns = []

    class Named(Scripted):
        def run(self, count):
            turns.append(self.times[0])
            return [1.0] * count

    engines = {name: Named(name) for name in "abc"}
    take_rounds(engines, dict.fromkeys("abc", 1), lambda: 1.0, wanted=3, most=3)
    assert "".join(turns) == "abccbaabc"


def test_where_none_is_clean_the_least_disturbed_rounds_count_and_it_is_said():
    controls = [10, 30, 20, 10, 10, 14, 10, 13, 10]
    rounds = rounds_of(controls, ours=[1, 2, 3], rival=[1, 1, 1], wanted=2, most=3)
    assert not rounds.clean
    assert rounds.times(OURS) == [3, 2]
    assert rounds.thrown_away == 1


def test_the_ratio_is_paired_by_rounds():
    # The machine slows down threefold: the ratio of overall medians would be 3 / 12.
    rounds = rounds_of([10] * 9, ours=[1, 3, 3], rival=[4, 12, 6], wanted=3, most=3)
    assert rounds.ratio(OURS, "rival") == 0.25
    assert rounds.ratio_range(OURS, "rival") == (0.25, 0.5)


def test_a_turn_has_several_calls_and_counts_by_its_median():
    rounds = rounds_of([10] * 3, ours=[1, 2, 9], rival=[4, 4, 4], wanted=1, most=1, calls=3)
    assert rounds.ratio(OURS, "rival") == 0.5
    assert rounds.median(OURS) == 2


@pytest.fixture
def engine(tmp_path):
    with open(tmp_path / "log", "w") as log:
        command = [sys.executable, str(FAKE)]
        with EngineProcess(command, threads=1, log=log, environment={"PYTHONPATH": "."}) as one:
            yield one


def test_an_engine_process_answers_past_its_chatter(engine, tmp_path):
    with pytest.raises(EngineError, match="Expected a `prepare` before the first `run`"):
        engine.run(1)
    assert engine.prepare({"kind": "constant", "milliseconds": 2.5}) == "cpu:0"
    assert engine.run(3) == [2.5, 2.5, 2.5]
    assert 5e6 < engine.peak_bytes < 1e9
    assert "Expected a `prepare`" in (tmp_path / "log").read_text()


def test_an_engine_that_fails_or_dies_says_so(engine):
    with pytest.raises(EngineError, match=r"^ValueError: Expected a model\.$"):
        engine.prepare({"kind": "broken"})
    with pytest.raises(EngineError, match="ended with exit status 3"):
        engine.prepare({"kind": "dying"})


SIZE = Size(2, 2, 0.01, 2, 1, 1, False, 1, ())


class FakeBench(Bench):
    def _start(self, preparation):
        self.environments.python(preparation.environment)
        return EngineProcess(
            [sys.executable, str(FAKE)],
            threads=1,
            log=self.log,
            environment={"PYTHONPATH": "."},
        )


class NoZeromodels(Environments):
    def python(self, name):
        if name == "zeromodels":
            raise OSError("no matching distribution")
        return Path(sys.executable)


def constant(name, milliseconds, environment="keras_resnets"):
    options = {"kind": "constant", "milliseconds": milliseconds}
    return Contender(name, Preparation("", environment, options))


@pytest.fixture
def result(tmp_path):
    cell = Cell(
        "litert-float32",
        "ResNeXt50",
        "LiteRT float32",
        0.95,
        (
            constant(OURS, 40.0),
            constant("slow", 80.0),
            constant("fast", 50.0),
            constant("unbuilt", 1.0, "zeromodels"),
            Contender("broken", Preparation("", "timm", {"kind": "broken"})),
        ),
        absent={"kecam": "has no such network"},
    )
    with open(tmp_path / "log", "w") as log:
        return FakeBench(SIZE, NoZeromodels(), lambda: 72.47757824, 1, log).measure(cell)


def test_the_best_rival_is_the_fastest(result):
    assert result.best_rival == "fast"
    assert result.ratio == 0.8
    assert result.met
    assert result.contenders[OURS]["median"] == 40


def test_what_is_missing_is_named_with_its_reason(result):
    assert result.absent == {
        "kecam": "has no such network",
        "unbuilt": "no matching distribution",
        "broken": "ValueError: Expected a model.",
    }
    text = markdown([result], {"Command": "make bench"})
    assert "- unbuilt (litert-float32/ResNeXt50): no matching distribution" in text


def test_the_share_of_the_peak_is_twice_the_multiply_accumulates(result):
    # 1536³ multiply-accumulates in 72.48 ms are 100 GFLOP/s; 4.23 G of them in 40 ms are 211.5.
    assert result.peak_gigaflops == pytest.approx(100)
    assert result.share_of_peak == pytest.approx(2 * 4.23 / 0.040 / 100, rel=0.01)


def test_the_table_and_the_picture(result):
    held = {OURS: 1e8, "fast": 2e8, "slow": 4e7}
    contenders = {
        name: {**times, "peak_bytes": held[name]} for name, times in result.contenders.items()
    }
    result = replace(result, contenders=contenders)
    text = markdown([result], {"Command": "make bench"})
    assert (
        "| LiteRT float32 | ResNeXt50 | 40 | slow 80, fast 50 | **0.80** (0.80 to 0.80) "
        "| ≤ 0.95 ✓ | 0.10 GB (0.50) | 2 |" in text
    )
    for results in ([result], [replace(result, share_of_peak=None)]):
        assert picture(results).startswith(b"\x89PNG")
    json.dumps(result.to_dict())


def test_every_goal_of_the_table_has_its_cells():
    names = {cell.name for cell in cells(FULL, "files")}
    tasks = ["litert-float32", "litert-int8", "predict"]
    tasks += ["train-float32", "train-bfloat16", "train-frozen"]
    for task in tasks:
        assert {f"{task}/{model}" for model in TIMM} <= names
    assert len(names) == len(tasks) * len(TIMM) + 5
    for cell in cells(FULL, "files"):
        assert cell.contenders[0].name == OURS


ENGINE = """
import json, sys
sys.stdin.readline()
print(json.dumps({"device": "cpu:0"}), flush=True)
for line in sys.stdin:
    print(json.dumps({"milliseconds": [60.0] * json.loads(line)["run"], "peak_bytes": 1}), flush=True)
"""


@pytest.mark.parametrize("folder", ["benchmarks/engines", "benchmarks/rivals/engines"])
def test_an_earlier_commit_takes_the_rivals_place(tmp_path, folder):
    engine = tmp_path / "earlier" / folder / "ours.py"
    engine.parent.mkdir(parents=True)
    engine.write_text(ENGINE)
    built = next(cell for cell in cells(FULL, "") if cell.task == "build")
    cell = against_earlier(built, str(tmp_path / "earlier"))
    assert (cell.name, cell.goal) == (built.name, 1.05)
    ours, earlier = cell.contenders
    assert ours == built.contenders[0]
    with open(tmp_path / "log", "w") as log:
        real = Bench(SIZE, NoZeromodels(), lambda: 1.0, 1, log)
        with real._start(earlier.preparation) as process:
            process.prepare(earlier.preparation.options)
            assert process.run(2) == [60.0, 60.0]
        contenders = (constant(OURS, 66.0), constant("earlier", 60.0))
        found = FakeBench(SIZE, NoZeromodels(), lambda: 1.0, 1, log).measure(
            replace(cell, contenders=contenders)
        )
    assert (found.ratio, found.met) == (1.1, False)
    assert "| **1.10** (1.10 to 1.10) | ≤ 1.05 ✗ |" in markdown([found], {})


def test_an_earlier_commit_has_files_of_its_own():
    for cell in cells(FULL, "files"):
        ours, earlier = against_earlier(cell, "there").contenders
        if ours.maker is None:
            continue
        name = str(ours.preparation.options["file"])
        assert earlier.preparation.options["file"] == name.replace("files/", "files/earlier.")
        assert earlier.maker.options["file"] == earlier.preparation.options["file"]
        assert earlier.maker.checkout == "there"


def test_the_multiply_accumulates_are_the_zoo_s():
    for model, gmacs in GMACS.items():
        assert gmacs == pytest.approx(keras_resnets.model_info(model).gmacs, abs=0.01)
        assert keras_resnets.model_info(model).timm == TIMM[model]


def test_the_quick_run_says_what_it_leaves_out():
    left_out = {cell.name for cell in cells(QUICK, "") if "timm compiled" in cell.absent}
    assert "predict/ResNeXt50" in left_out
    assert not any("timm compiled" in cell.absent for cell in cells(FULL, ""))


def test_quick_leaves_out_what_only_brings_back(capsys):
    assert bench.main(["--quick", "--list"]) == 0
    quick = capsys.readouterr().out.split()
    assert "train-float32/ResNeXt50" in quick
    assert "litert-int8/ReXNet100" in quick
    assert not {"train-float32/ResNeSt50", "export-int8/ResNeXt50", "load/ResNeSt269"} & {*quick}
    assert bench.main(["--quick", "--only", "load/*", "train-float32/ResN*", "--list"]) == 0
    assert capsys.readouterr().out.split() == [
        "load/ResNeSt269",
        "train-float32/ResNeXt50",
        "train-float32/ResNeSt50",
    ]


def test_the_command_names_the_comparisons_it_knows(capsys):
    assert bench.main(["--list"]) == 0
    assert "train-stock/ResNeXt50" in capsys.readouterr().out.split()
    assert bench.main(["--only", "nothing/*"]) == 2
    assert "train-stock/ResNeXt50" in capsys.readouterr().out
