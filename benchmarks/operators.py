"""Where the time of a `.tflite` file goes, operator by operator, as LiteRT's own profiler counts it.

    python -m benchmarks.operators FILE [--threads 2] [--runs 50] [--each]

XNNPACK runs a whole network as one operator of TFLite; this lists what it runs inside. The Python
package of LiteRT offers no profiler, but its shared library does (`litert/c/litert_profiler.h`).
"""

import argparse
import ctypes
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WARM_UP = 10
CPU = 1  # kLiteRtHwAcceleratorCpu
DELEGATES_OPERATOR = 1 << 3  # DELEGATE_PROFILED_OPERATOR_INVOKE_EVENT


@dataclass(frozen=True)
class Operator:
    """One step of XNNPACK.

    Attributes:
        name: XNNPACK's, such as `"Convolution (NHWC, F32) IGEMM"`.
        milliseconds: Milliseconds, the median of the runs.
    """

    name: str
    milliseconds: float


class Event(ctypes.Structure):
    """`ProfiledEventData` of `litert/c/litert_profiler_event.h`."""

    _fields_ = [
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start", ctypes.c_uint64),
        ("microseconds", ctypes.c_uint64),
        ("memory", ctypes.c_size_t * 6),
        ("metadata", ctypes.c_uint64 * 2),
        ("source", ctypes.c_int),
    ]


class LiteRt:
    """The C functions that are needed, each of which raises where it fails."""

    def __init__(self) -> None:
        import ai_edge_litert

        folder = Path(next(iter(ai_edge_litert.__path__)))
        self._library = ctypes.CDLL(str(folder / "libLiteRt.so"))
        self._nothing = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
        self._kept: list[object] = []  # what the library points at

    def call(self, name: str, *arguments: object) -> None:
        status = getattr(self._library, f"LiteRt{name}")(*arguments)
        if status:
            raise RuntimeError(f"LiteRt{name} failed with status {status}.")

    def make(self, name: str, *arguments: object) -> ctypes.c_void_p:
        """What a function hands out by its last argument."""
        made = ctypes.c_void_p()
        self.call(name, *arguments, ctypes.byref(made))
        return made

    def options(self, threads: int) -> ctypes.c_void_p:
        """On the CPU, with the profiler."""
        options = self.make("CreateOptions")
        self.call("SetOptionsHardwareAccelerators", options, CPU)
        for identifier, text in (
            (b"runtime_options_string", b"enable_profiling = true\n"),
            (b"xnnpack", b"num_threads = %d\n" % threads),
        ):
            payload = ctypes.create_string_buffer(text)
            self._kept.append(payload)
            opaque = self.make("CreateOpaqueOptions", identifier, payload, self._nothing)
            self.call("AddOpaqueOptions", options, opaque)
        return options


class Profiled:
    """A file, ready to run under the profiler.

    Args:
        file: File of a network with one signature.
        threads: Number of XNNPACK threads.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self._litert = litert = LiteRt()
        self._environment = litert.make("CreateEnvironment", 0, None)
        model = litert.make("CreateModelFromFile", self._environment, str(file).encode())
        self._compiled = litert.make(
            "CreateCompiledModel", self._environment, model, litert.options(threads)
        )
        self._graph = litert.make("GetModelSubgraph", model, ctypes.c_size_t(0))
        self._buffers = [*self._sides("Input"), *self._sides("Output")]
        self._profiler = litert.make("CompiledModelGetProfiler", self._compiled)

    def _sides(self, side: str) -> tuple[ctypes.c_size_t, ctypes.Array[ctypes.c_void_p]]:
        """How many inputs or outputs there are, and a buffer for each."""
        count = ctypes.c_size_t()
        self._litert.call(f"GetNumSubgraph{side}s", self._graph, ctypes.byref(count))
        buffers = [self._buffer(side, ctypes.c_size_t(i)) for i in range(count.value)]
        return count, (ctypes.c_void_p * count.value)(*(b.value for b in buffers))

    def _buffer(self, side: str, index: ctypes.c_size_t) -> ctypes.c_void_p:
        litert = self._litert
        tensor = litert.make(f"GetSubgraph{side}", self._graph, index)
        kind = ctypes.create_string_buffer(512)  # a LiteRtRankedTensorType, which needs far less
        litert.call("GetRankedTensorType", tensor, kind)
        needs = litert.make(
            f"GetCompiledModel{side}BufferRequirements", self._compiled, ctypes.c_size_t(0), index
        )
        return litert.make(
            "CreateManagedTensorBufferFromRequirements", self._environment, kind, needs
        )

    def run(self) -> None:
        self._litert.call("RunCompiledModel", self._compiled, ctypes.c_size_t(0), *self._buffers)

    def operators(self) -> list[tuple[str, float]]:
        """The names and milliseconds of one run's operators, in their order."""
        litert = self._litert
        litert.call("ResetProfiler", self._profiler)
        litert.call("StartProfiler", self._profiler)
        self.run()
        litert.call("StopProfiler", self._profiler)
        count = ctypes.c_int()
        litert.call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (Event * count.value)()
        litert.call("GetProfilerEvents", self._profiler, count, events)
        return [
            (event.tag.decode(), event.microseconds / 1e3)
            for event in events
            if event.type == DELEGATES_OPERATOR
        ]


def profile(file: Path, threads: int = 2, runs: int = 50) -> list[Operator]:
    """The operators of a file in their order.

    Raises:
        RuntimeError: For a file that LiteRT cannot read or run.
    """
    profiled = Profiled(file, threads)
    for _ in range(WARM_UP):
        profiled.run()
    seen = [profiled.operators() for _ in range(runs)]
    return [
        Operator(steps[0][0], statistics.median(time for _, time in steps))
        for steps in zip(*seen, strict=True)
    ]


def table(operators: Sequence[Operator], each: bool = False) -> str:
    """A Markdown table: a row for each kind of operator, or for each operator."""
    rows: dict[str, list[float]] = defaultdict(list)
    for number, operator in enumerate(operators):
        rows[f"{number} {operator.name}" if each else operator.name].append(operator.milliseconds)
    total = sum(map(sum, rows.values()))
    ordered = rows.items() if each else sorted(rows.items(), key=lambda row: -sum(row[1]))
    lines = ["| operator | times | ms | share |", "|---|---:|---:|---:|"]
    for name, times in ordered:
        lines.append(f"| {name} | {len(times)} | {sum(times):.2f} | {sum(times) / total:.1%} |")
    lines.append(f"| all | {len(operators)} | {total:.2f} | |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="%(default)s")
    parser.add_argument("--runs", type=int, default=50, metavar="N", help="%(default)s")
    parser.add_argument("--each", action="store_true", help="a row for each operator, in order")
    options = parser.parse_args(arguments)
    print(table(profile(options.file, options.threads, options.runs), options.each))
    return 0


if __name__ == "__main__":
    sys.exit(main())
