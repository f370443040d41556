"""An engine in a process of its own, seen from the driver."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TextIO

ROOT = Path(__file__).resolve().parents[2]


class EngineError(Exception):
    """An engine could not do what it was asked; the text says why."""


class EngineProcess:
    """Speaks `benchmarks.rivals.engines.protocol` with a child process; a context manager that ends it.

    Args:
        command: Command line to start.
        threads: Number of threads allowed to the engine.
        log: File where its standard error goes.
        environment: Variables to add to the driver's.
        root: The checkout that it starts in, whose modules it imports.

    Attributes:
        peak_bytes: The most bytes that the process had held by the end of its last call.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        threads: int,
        log: TextIO,
        environment: Mapping[str, str] | None = None,
        root: Path = ROOT,
    ):
        self.peak_bytes = 0
        counts = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=root,
            env={**os.environ, **dict.fromkeys(counts, str(threads)), **(environment or {})},
        )

    def prepare(self, options: Mapping[str, object]) -> str:
        """Sets up what is timed, warms it up, and returns the device that it runs on.

        Raises:
            EngineError: Where the engine cannot.
        """
        return str(self._ask({"prepare": dict(options)})["device"])

    def run(self, count: int) -> list[float]:
        """The milliseconds of each of `count` calls.

        Raises:
            EngineError: Where a call fails.
        """
        reply = self._ask({"run": count})
        self.peak_bytes = int(reply["peak_bytes"])
        return [float(one) for one in reply["milliseconds"]]

    def _ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise EngineError(f"the engine ended with exit status {self._process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise EngineError(reply["error"])
        return reply

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # The end of its input ends an engine; one that hangs is killed.
        try:
            self._process.communicate(timeout=10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.communicate()
