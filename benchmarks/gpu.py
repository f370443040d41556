"""Training and prediction on an NVIDIA GPU: TensorFlow and JAX, precisions, XLA, against timm compiled.

    python -m benchmarks.gpu [--batch 64] [--rounds 10] [--only MODEL …]

Without a GPU it says so and ends. Writes `gpu.json` and `gpu.md` into `runs/bench/`. JAX runs in the
environment of `make test-backends`, with its CUDA plug-in (`pip install "jax[cuda12]"`) if it is to
see the GPU; an environment or a library that sees none is reported.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TextIO

from benchmarks.rivals.environments import Environments
from benchmarks.rivals.process import ROOT, EngineError, EngineProcess
from benchmarks.rivals.tasks import HOME, OURS, TIMM

JAX_PYTHON = ROOT / ".venvs" / "backends" / "bin" / "python"
DTYPES = ("float32", "mixed_bfloat16", "mixed_float16")
TASKS = ("predict", "train")


@dataclass(frozen=True)
class Run:
    """One thing to time.

    Attributes:
        name: Name of the engine, as the table says it.
        module: A module of `benchmarks.rivals.engines`.
        backend: Back end of Keras; `None` for a rival.
        options: Options of the engine.
    """

    name: str
    module: str
    backend: str | None
    options: Mapping[str, object]


def gpu_name() -> str | None:
    """The first NVIDIA GPU, or `None`."""
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True)
    names = found.stdout.splitlines() if found.returncode == 0 else []
    return names[0] if names else None


def runs(task: str, model: str, dtype: str, batch: int) -> Iterator[Run]:
    """The engines of one comparison."""
    options: dict[str, object] = {"kind": task, "batch": batch, "dtype": dtype}
    if task == "predict":
        options["batches"] = 4
    ours = {**options, "model": model}
    yield Run(f"{OURS}, TensorFlow", "ours", "tensorflow", {**ours, "jit_compile": False})
    yield Run(f"{OURS}, TensorFlow, XLA", "ours", "tensorflow", {**ours, "jit_compile": True})
    yield Run(f"{OURS}, JAX", "ours", "jax", {**ours, "jit_compile": True})
    for mode in ("channels_last", "compiled"):
        options_ = {**options, "model": TIMM[model], "mode": mode}
        yield Run(f"timm {mode}", "timm", None, options_)


def measure(run: Run, environments: Environments, rounds: int, log: TextIO) -> float | str:
    """The median milliseconds, or why there are none. One engine holds the GPU at a time."""
    try:
        if run.backend == "jax":
            if not JAX_PYTHON.is_file():
                return "no JAX here; make test-backends builds its environment"
            python = JAX_PYTHON
        else:
            python = environments.python("timm" if run.backend is None else HOME)
        variables = {"KERAS_BACKEND": run.backend} if run.backend else {}
        command = [str(python), "-m", f"benchmarks.rivals.engines.{run.module}"]
        with EngineProcess(command, threads=8, log=log, environment=variables) as engine:
            device = engine.prepare(run.options)
            if not device.startswith("gpu"):
                return f"sees no GPU, only {device}"
            return median(engine.run(rounds))
    except (EngineError, OSError) as error:
        return str(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="%(default)s")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="%(default)s")
    parser.add_argument("--only", nargs="+", choices=TIMM, default=TIMM, metavar="MODEL")
    parser.add_argument("--output", type=Path, default=Path("runs/bench"), metavar="DIR")
    options = parser.parse_args()
    gpu = gpu_name()
    if gpu is None:
        print("No NVIDIA GPU here (nvidia-smi names none): nothing was measured.")
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    environments = Environments()
    rows: list[dict[str, object]] = []
    lines = [f"{gpu}, batch {options.batch}, 224x224, median of {options.rounds} calls.", ""]
    lines += ["| task | model | precision | engine | images/s |", "|---|---|---|---|--:|"]
    with open(options.output / "gpu.log", "w") as log:
        for task in TASKS:
            for model in options.only:
                for dtype in DTYPES:
                    for run in runs(task, model, dtype, options.batch):
                        found = measure(run, environments, options.rounds, log)
                        images = options.batch * run.options.get("batches", 1)
                        said = found if isinstance(found, str) else f"{1e3 * images / found:.0f}"
                        lines.append(f"| {task} | {model} | {dtype} | {run.name} | {said} |")
                        print(lines[-1], flush=True)
                        rows.append(
                            {
                                "task": task,
                                "model": model,
                                "dtype": dtype,
                                "engine": run.name,
                                "milliseconds": None if isinstance(found, str) else found,
                                "absent": found if isinstance(found, str) else None,
                            }
                        )
                        content = json.dumps({"gpu": gpu, "rows": rows}, indent=2)
                        (options.output / "gpu.json").write_text(content)
                        (options.output / "gpu.md").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
