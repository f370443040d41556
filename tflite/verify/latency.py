"""Latency and memory of one file.

A process a file: the peak of memory is a process', and no file warms the caches of another.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from keras_resnets._common.child import module_process
from keras_resnets._common.memory import peak_memory
from keras_resnets.errors import UserError

from ..file.reading import read_file
from ..file.runtime import Runner


@dataclass(frozen=True)
class Measurement:
    """How one file runs.

    Attributes:
        file: The file's name.
        bytes: The file's size in bytes.
        threads: Number of XNNPACK threads.
        median_ms, p10_ms, p90_ms: Milliseconds of one call: median, 10th and 90th percentile.
        peak_bytes: Peak of the process' memory in bytes, the runtime and Python included.
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
        path: The file's path.
        threads: Number of XNNPACK threads.
        warm_up: Calls that do not count.
        runs: Number of calls that count.

    Raises:
        UserError: Where it is no model.
    """
    read_file(path)  # here, where an error is still the user's
    process = subprocess.run(
        **module_process(__name__, path, threads, warm_up, runs), stdout=subprocess.PIPE, text=True
    )
    if process.returncode:
        raise UserError(
            f"Expected a file that runs {warm_up + runs} times. Received: {path}, with which the "
            f"process that measures it ended with exit code {process.returncode}."
        )
    return Measurement(**json.loads(process.stdout))


def _measure_here(path: Path, threads: int, warm_up: int, runs: int) -> Measurement:
    content = path.read_bytes()
    times = Runner(content, threads=threads).times_ms(warm_up=warm_up, runs=runs)
    p10, median, p90 = (float(value) for value in np.quantile(times, (0.1, 0.5, 0.9)))
    return Measurement(path.name, len(content), threads, median, p10, p90, peak_memory())


if __name__ == "__main__":
    _, name, *numbers = sys.argv
    print(json.dumps(asdict(_measure_here(Path(name), *map(int, numbers)))))
