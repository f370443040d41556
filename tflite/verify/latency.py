"""Latency and memory of one file. `python -m tflite.verify.latency` is the process that does it.

A process a file: the peak of memory is a process', and no file warms the caches of another.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_resnets._common.memory import peak_memory

from ..file.runtime import Runner, read_file


@dataclass(frozen=True)
class Measurement:
    """How one file runs.

    Attributes:
        file: its name.
        bytes: its size.
        threads: of XNNPACK.
        median_ms, p10_ms, p90_ms: of one call.
        peak_bytes: of the process' memory, the runtime and Python included.
    """

    file: str
    bytes: int
    threads: int
    median_ms: float
    p10_ms: float
    p90_ms: float
    peak_bytes: int


def measure(path: Path, *, threads: int, warm_up: int, runs: int) -> Measurement:
    """Measures a file in a process of its own.

    Args:
        path: the file.
        threads: of XNNPACK.
        warm_up: calls that do not count.
        runs: calls that do.

    Raises:
        ValueError: where it is no model.
    """
    Runner(read_file(path))  # here, where an error is still the user's
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "tflite.verify.latency",
            path,
            str(threads),
            str(warm_up),
            str(runs),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Measurement(**json.loads(process.stdout))


def _measure_here(path: Path, threads: int, warm_up: int, runs: int) -> Measurement:
    content = read_file(path)
    times = Runner(content, threads=threads).times_ms(warm_up=warm_up, runs=runs)
    p10, median, p90 = (float(value) for value in np.quantile(times, (0.1, 0.5, 0.9)))
    return Measurement(path.name, len(content), threads, median, p10, p90, peak_memory())


if __name__ == "__main__":
    _, name, *numbers = sys.argv
    print(json.dumps(asdict(_measure_here(Path(name), *map(int, numbers)))))
