"""Ours and every rival side by side: one process an engine, turns, a control between them.

    python -m benchmarks.rivals [--quick] [--only TASK/MODEL …] [--threads 2]
    python -m benchmarks.rivals --only photos   # the whole task, from photos to a file
    python -m benchmarks.rivals --earlier DIR   # ours against a checkout of an earlier commit

Builds what is missing (the rivals' environments in `.venvs/`, their files in `runs/bench/files/`) and
writes `bench.json`, `bench.md` and `bench.png` into `runs/bench/` after every comparison; with `--only`,
`bench-only.json` and so on. `--quick` takes 10 minutes once that is built; everything takes a night.
"""

import argparse
import datetime
import fnmatch
import json
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rivals.tasks import FULL, NOT_QUICK, QUICK, against_earlier, cells

if TYPE_CHECKING:
    from benchmarks.rivals.measure import Result

DEFAULT_FOLDER = Path("runs/bench")
# Flags of /proc/cpuinfo, the widest first.
VECTORS = {
    "amx_tile": "AMX",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX2 and VNNI",
    "avx2": "AVX2",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rounds, one training step, no torch.compile, no bfloat16, no export",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="TASK/MODEL",
        help="these comparisons, with * for any letters: 'litert-*/*', 'train-float32/ResNeXt50'; "
        "photos alone: from a folder of photos to a file",
    )
    parser.add_argument("--timm", type=Path, metavar="DIR", help="a checkout of timm, for photos")
    parser.add_argument(
        "--earlier", metavar="DIR", help="a checkout of an earlier commit, in the rivals' place"
    )
    parser.add_argument("--list", action="store_true", help="name the comparisons and end")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="%(default)s")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="undisturbed rounds of each comparison"
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    options = parser.parse_args(arguments)
    # NumPy's BLAS, which runs the control, reads it when it is loaded.
    os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return bench(options)


def bench(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from benchmarks.rivals import photos
    from benchmarks.rivals.control import MatrixProduct
    from benchmarks.rivals.environments import Environments
    from benchmarks.rivals.measure import Bench
    from benchmarks.rivals.report import markdown, picture

    if options.only == ["photos"]:
        start = datetime.datetime.now()
        return photos.compare(options, lambda: _facts(options, start))
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = replace(size, rounds=options.rounds, slow_rounds=options.rounds)
    folder = options.output.absolute()
    wanted = [cell for cell in cells(size, str(folder / "files")) if _chosen(cell.name, options)]
    if options.earlier:
        checkout = str(Path(options.earlier).resolve())
        wanted = [against_earlier(cell, checkout) for cell in wanted]
    if not wanted:
        print(f"Expected a name of {[cell.name for cell in cells(size, '')]}.")
        return 2
    if options.list:
        print("\n".join(cell.name for cell in wanted))
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    # A part of the comparisons must not replace the whole table.
    table = folder / ("bench-only.md" if options.only else "bench.md")
    start = datetime.datetime.now()
    results: list[Result] = []
    with open(folder / "engines.log", "w") as log:
        runner = Bench(size, Environments(), MatrixProduct(), options.threads, log)
        for number, cell in enumerate(wanted, start=1):
            print(f"{number}/{len(wanted)} {cell.name}", end="  ", flush=True)
            result = runner.measure(cell)
            results.append(result)
            print(_line(result), flush=True)
            facts = _facts(options, start)
            if options.quick and not options.only:
                facts["Left out by --quick"] = ", ".join(NOT_QUICK)
            content = {"facts": facts, "results": [one.to_dict() for one in results]}
            table.with_suffix(".json").write_text(json.dumps(content, indent=2))
            table.with_suffix(".md").write_text(markdown(results, facts))
            table.with_suffix(".png").write_bytes(picture(results))
    print(f"\n{table.with_suffix('.md').read_text()}\n{table.with_suffix('.png')}")
    return 0


def _facts(options: argparse.Namespace, start: datetime.datetime) -> dict[str, str]:
    """What a reader of the table needs to know."""
    return {
        "Command": shlex.join(["python", "-m", "benchmarks.rivals", *sys.argv[1:]]),
        "Date": f"{start:%Y-%m-%d %H:%M}, {(datetime.datetime.now() - start).seconds} s",
        "Processor": f"{processor()}, {options.threads} threads",
    }


def _chosen(name: str, options: argparse.Namespace) -> bool:
    def named(patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    return named(options.only) if options.only else not (options.quick and named(NOT_QUICK))


def _line(result: "Result") -> str:
    times = ", ".join(f"{name} {t['median']:.1f} ms" for name, t in result.contenders.items())
    ratio = "" if result.ratio is None else f"  ratio {result.ratio:.2f} (goal {result.goal:.2f})"
    absent = "".join(f"  [{name} absent]" for name in result.absent)
    return times + ratio + ("" if result.clean else "  disturbed") + absent


def processor() -> str:
    """The processor's name and the widest of its vector instructions, which its name often hides."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    has = set(facts.get("flags", "").split())
    vectors = [name for flag, name in VECTORS.items() if flag in has]
    return " with ".join([facts.get("model name", platform.processor()), *vectors[:1]])
