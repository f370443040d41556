"""A file in the LiteRT runtime, on this machine's CPU."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_resnets.errors import UserError

from ..terminal import quiet


class Runner:
    """Runs a classifier's file.

    Args:
        content: the file's bytes.
        threads: of XNNPACK.

    Raises:
        ValueError: where the bytes are no TFLite model of one input and one output.
    """

    def __init__(self, content: bytes, *, threads: int = 1):
        from ai_edge_litert.interpreter import Interpreter

        with quiet():
            try:
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                raise UserError(f"Expected a .tflite file. Received: {error}") from error
        inputs, outputs = (
            self._interpreter.get_input_details(),
            self._interpreter.get_output_details(),
        )
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0]["shape"]) != 4:
            raise UserError(
                "Expected a classifier, with one input (batch, height, width, channels) and one "
                f"output. Received: inputs {[d['shape'].tolist() for d in inputs]}, "
                f"outputs {[d['shape'].tolist() for d in outputs]}."
            )
        self._input, self._output = inputs[0], outputs[0]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(batch, height, width, channels)`."""
        return tuple(self._input["shape"].tolist())

    @property
    def takes_pixels(self) -> bool:
        """Whether the input is uint8 pixels, and not normalised images."""
        return self._input["dtype"] == np.uint8

    @property
    def types(self) -> tuple[str, str]:
        """Of the input and of the output, such as `"float32"`."""
        return np.dtype(self._input["dtype"]).name, np.dtype(self._output["dtype"]).name

    @property
    def classes(self) -> int:
        """How many outputs there are."""
        return int(self._output["shape"][-1])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The logits of each image.

        Args:
            images: `(n, height, width, channels)`: pixels, or normalised images in float32.

        Returns:
            `(n, classes)`, float32.
        """
        return np.concatenate([self._one(image[None]) for image in images])

    def _one(self, image: np.ndarray) -> np.ndarray:
        self._interpreter.set_tensor(self._input["index"], _quantized(image, self._input))
        self._interpreter.invoke()
        return _dequantized(self._interpreter.get_tensor(self._output["index"]), self._output)

    def nodes(self) -> list[dict]:
        """The graph's nodes, each with `inputs` and `outputs`, and after them the delegates'."""
        # The runtime has no public list of them.
        return self._interpreter._get_ops_details()

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
        content: the file's bytes.
    """

    def __init__(self, content: bytes):
        from ai_edge_litert.interpreter import Interpreter

        with quiet():
            self._interpreter = Interpreter(
                model_content=content,
                num_threads=os.cpu_count(),
                experimental_preserve_all_tensors=True,
            )
            self._interpreter.allocate_tensors()
        details = {tensor["index"]: tensor for tensor in self._interpreter.get_tensor_details()}
        self._input = self._interpreter.get_input_details()[0]
        nodes = self._interpreter._get_ops_details()
        outputs = [i for node in nodes if node["op_name"] != "DELEGATE" for i in node["outputs"]]
        self._tensors = {
            details[index]["name"]: details[index] for index in (self._input["index"], *outputs)
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of the input and of what each operator makes, in order."""
        return tuple(self._tensors)

    def __call__(self, image: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Name and value, in float32, of each activation for `(1, height, width, channels)`."""
        self._interpreter.set_tensor(self._input["index"], _quantized(image, self._input))
        self._interpreter.invoke()
        for name, tensor in self._tensors.items():
            yield name, _dequantized(self._interpreter.get_tensor(tensor["index"]), tensor)


def is_accelerated(content: bytes) -> bool:
    """Whether the runtime hands every operator to its accelerated kernels (XNNPACK on a CPU)."""
    from ai_edge_litert.compiled_model import CompiledModel

    with quiet():
        return CompiledModel.from_buffer(content).is_fully_accelerated()


def read_file(path: Path) -> bytes:
    """The bytes of a `.tflite` file.

    Raises:
        FileNotFoundError: where there is none.
        ValueError: where it lacks the mark of the format.
    """
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise UserError(
            f"Expected a .tflite file. Received: {path}, which is not one "
            f"({len(content)} bytes that start with {content[:8]!r})."
        )
    return content


def _quantized(values: np.ndarray, tensor: dict) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    if not scale:
        return values.astype(tensor["dtype"])
    limits = np.iinfo(tensor["dtype"])
    return np.rint(values / scale + zero_point).clip(limits.min, limits.max).astype(tensor["dtype"])


def _dequantized(values: np.ndarray, tensor: dict) -> np.ndarray:
    scale, zero_point = tensor["quantization"]
    return (values.astype("float32") - zero_point) * scale if scale else values
