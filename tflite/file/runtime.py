"""A file in the LiteRT runtime, on this machine's CPU."""

import contextlib
import os
import queue
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from keras_resnets._common.memory import give_back_memory
from keras_resnets.errors import UserError

Tensor = dict[str, Any]  # as the runtime describes one
COPIES = 2**26  # bytes that the interpreters of one file may hold of its weights, each its own

R = TypeVar("R")
T = TypeVar("T")
S = TypeVar("S")


class Runner:
    """Runs a classifier's file. Many threads may share one.

    Args:
        content: The file's bytes.
        threads: Number of XNNPACK threads.

    Raises:
        UserError: Where the bytes are no TFLite model of one input and one output.
    """

    def __init__(self, content: bytes, *, threads: int = 1):
        self._interpreter = _interpreter(content, num_threads=threads)
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        if (
            (len(inputs), len(outputs)) != (1, 1)
            or len(inputs[0]["shape"]) != 4
            or len(outputs[0]["shape"]) != 2
        ):
            raise UserError(
                "Expected a classifier, with one input (batch, height, width, channels) and one "
                "output (batch, classes). Received: "
                f"inputs {[d['shape'].tolist() for d in inputs]}, "
                f"outputs {[d['shape'].tolist() for d in outputs]}."
            )
        self._input, self._output = inputs[0], outputs[0]
        # An interpreter holds one image and its answer at a time.
        self._in_use = threading.Lock()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(batch, height, width, channels)`."""
        return tuple(self._input["shape"].tolist())

    @property
    def types(self) -> tuple[str, str]:
        """Of the input and of the output, such as `"float32"`."""
        return np.dtype(self._input["dtype"]).name, np.dtype(self._output["dtype"]).name

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return int(self._output["shape"][-1])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The outputs for each image.

        Args:
            images: `(n, height, width, channels)`, what the file takes: pixels, or normalised images
                in float32.

        Returns:
            `(n, classes)`, float32.
        """
        return np.concatenate([self._one(image[None]) for image in images])

    def _one(self, image: np.ndarray) -> np.ndarray:
        with self._in_use:
            self._interpreter.set_tensor(self._input["index"], _quantized(image, self._input))
            self._interpreter.invoke()
            return _dequantized(self._interpreter.get_tensor(self._output["index"]), self._output)

    def nodes(self) -> list[dict[str, Any]]:
        """The graph's nodes, each with `inputs` and `outputs`, and after them the delegates'."""
        # The runtime has no public list of them.
        nodes: list[dict[str, Any]] = self._interpreter._get_ops_details()
        return nodes

    def median_ms(self, *, warm_up: int = 5, runs: int = 30) -> float:
        """The median time of one call, in milliseconds."""
        return float(np.median(self.times_ms(warm_up=warm_up, runs=runs)))

    def times_ms(self, *, warm_up: int, runs: int) -> list[float]:
        """The time of each call after the warm-up, in milliseconds."""
        times = []
        for _ in range(warm_up + runs):
            start = time.perf_counter()
            self._interpreter.invoke()
            times.append(1000 * (time.perf_counter() - start))
        return times[warm_up:]


class Tracer:
    """Runs a model and shows every activation of it, by name.

    Args:
        content: The file's bytes.
        threads: Number of XNNPACK threads.
    """

    def __init__(self, content: bytes, *, threads: int = 1):
        with activations_kept():
            self._interpreter = _interpreter(
                content, num_threads=threads, experimental_preserve_all_tensors=True
            )
        details = {tensor["index"]: tensor for tensor in self._interpreter.get_tensor_details()}
        self._input = self._interpreter.get_input_details()[0]
        nodes = self._interpreter._get_ops_details()
        outputs = [
            i for node in nodes if node["op_name"] != "DELEGATE" for i in node["outputs"] if i >= 0
        ]
        self._tensors = {
            details[index]["name"]: details[index] for index in (self._input["index"], *outputs)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of the input and of what each operator makes, in order."""
        return tuple(self._tensors)

    def __call__(
        self, image: np.ndarray, among: Collection[str] | None = None
    ) -> Iterator[tuple[str, np.ndarray]]:
        """Name and value, in float32, of each activation for `(1, height, width, channels)`.

        The values may lie in the runtime's own memory: let go of them before the next image.

        Args:
            image: The image, as the file takes it.
            among: Names of those that are wanted; all by default.
        """
        self._interpreter.set_tensor(self._input["index"], _quantized(image, self._input))
        self._interpreter.invoke()
        for name, tensor in self._tensors.items():
            if among is None or name in among:
                yield name, _dequantized(self._interpreter.tensor(tensor["index"])(), tensor)


def workers(kind: Callable[..., R], content: bytes) -> list[R]:
    """As many runners or tracers of a file as use all cores together, for `on_each`.

    The operators of a small network are too short to be shared by threads: its images are.

    Args:
        kind: `Runner` or `Tracer`.
        content: The file's bytes.
    """
    cores = os.cpu_count() or 1
    count = max(1, min(cores, COPIES // len(content)))
    return [kind(content, threads=max(1, cores // count)) for _ in range(count)]


def on_each(
    all_workers: Sequence[R], work: Callable[[R, T], S], images: Iterable[T]
) -> Iterator[S]:
    """What `work(worker, image)` gives for each image, in order, from all workers at once.

    They are ahead of whoever takes the answers by one image each, so that few answers wait.
    """
    free: queue.SimpleQueue[R] = queue.SimpleQueue()
    for worker in all_workers:
        free.put(worker)

    def one(image: T) -> S:
        worker = free.get()
        try:
            return work(worker, image)
        finally:
            free.put(worker)

    under_way: deque[Future[S]] = deque()
    try:
        with ThreadPoolExecutor(len(all_workers)) as pool:
            for image in images:
                under_way.append(pool.submit(one, image))
                if len(under_way) > len(all_workers):
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
    finally:
        give_back_memory()


@contextlib.contextmanager
def activations_kept() -> Iterator[None]:
    """Within it an interpreter may keep all activations without a warning of what memory they take."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Warning: Enabling `experimental_preserve_all_tensors`")
        yield


def is_accelerated(content: bytes) -> bool:
    """Whether the runtime hands every operator to its accelerated kernels (XNNPACK on a CPU)."""
    from ai_edge_litert.compiled_model import CompiledModel

    return bool(CompiledModel.from_buffer(content).is_fully_accelerated())


def _interpreter(content: bytes, **options: Any) -> Any:
    """An interpreter with its tensors in place."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=content, **options)
        interpreter.allocate_tensors()
    except (
        RuntimeError,
        ValueError,
    ) as error:  # what the runtime raises of bytes that are no model
        raise UserError(f"Expected a .tflite file. Received: {error}") from error
    return interpreter


def _quantized(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    integers = np.issubdtype(tensor["dtype"], np.integer)
    # Pixels, scale 1, go in as they are.
    if not scale or not integers or values.dtype == tensor["dtype"]:
        return values.astype(tensor["dtype"])
    limits = np.iinfo(tensor["dtype"])
    stored: np.ndarray = np.rint(values / scale + zero_point).clip(limits.min, limits.max)
    return stored.astype(tensor["dtype"])


def _dequantized(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    return (values.astype("float32") - zero_point) * scale if scale else values
