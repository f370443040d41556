"""An engine process and its driver talk in lines of JSON over standard input and output.

    {"prepare": {"kind": "predict", "model": "ResNeXt50", …}}  → {"device": "cpu:0"}
    {"run": 5}                                                 → {"milliseconds": […], "peak_bytes": …}
    either, where it fails                                     → {"error": "…"}

Only the standard library, NumPy and a module that needs nothing else are imported here: an engine runs
in its rival's environment.
"""

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.memory import peak_memory

# One that returns a `float` measured itself, in milliseconds; any other is timed from outside.
Call = Callable[[], object]


def serve(
    kinds: Mapping[str, Callable[..., Call]], device: Callable[[], str] = lambda: "cpu:0"
) -> None:
    """Answers requests until standard input ends.

    Args:
        kinds: What this engine can prepare, by kind: a function of the request's other entries that
            returns the call to time, warmed up.
        device: Name of what it runs on, `"gpu:0"` for instance.
    """
    # Libraries, also in C++, write to standard output as they please: the driver gets a line of its own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    call: Call | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "prepare" in request:
                options = dict(request["prepare"])
                call = kinds[options.pop("kind")](**options)
                reply: dict[str, Any] = {"device": device()}
            elif call is None:
                raise RuntimeError("Expected a `prepare` before the first `run`.")
            else:
                times = [_milliseconds(call) for _ in range(request["run"])]
                reply = {"milliseconds": times, "peak_bytes": peak_memory()}
        except Exception as error:  # whatever a rival's library throws becomes its reply
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _milliseconds(call: Call) -> float:
    start = time.perf_counter()
    measured = call()
    return measured if isinstance(measured, float) else 1e3 * (time.perf_counter() - start)


def images(batch: int, size: int) -> np.ndarray:
    """The same normalised images for every engine: `(batch, size, size, 3)` float32."""
    return np.random.default_rng(0).standard_normal((batch, size, size, 3), "float32")


def labels(batch: int) -> np.ndarray:
    """A class of 1000 for each image: `(batch,)` int64."""
    return np.random.default_rng(1).integers(0, 1000, batch)


def threads() -> int:
    """How many threads the driver allows."""
    return int(os.environ["OMP_NUM_THREADS"])


@contextlib.contextmanager
def kept_aside(path: str) -> Iterator[str]:
    """The name to write a file under, which is renamed to `path` once it is whole."""
    whole = Path(path)
    whole.parent.mkdir(parents=True, exist_ok=True)
    partial = whole.with_name(f"{whole.stem}.partial{whole.suffix}")
    yield str(partial)
    partial.replace(whole)
