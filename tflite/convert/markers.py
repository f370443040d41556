"""Numbers that stand for kernels while TensorFlow converts, which copies constants a dozen times."""

import hashlib
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ..file.flatbuffer import kind_of, read, write

# The number of each kernel is a step of float32 above the last. What arithmetic makes of one is
# neither one of them nor as small as a network's own constants.
FIRST, STEP = 2.0**100, 2.0**77
LARGEST = 2.0**40  # of a network's own constants
HOLDERS = ("CONV_2D", "FULLY_CONNECTED")
KERNEL = 1  # among their inputs


class Markers:
    """Constants that repeat one number each, and the kernels that they stand for.

    Such a constant takes no memory in a graph. The converter lays it out as it would lay out the
    kernel, which then takes its place in the file.
    """

    def __init__(self) -> None:
        self._kernels: dict[float, np.ndarray] = {}
        self._numbers: dict[tuple[tuple[int, ...], bytes], float] = {}

    def mark(self, kernel: np.ndarray) -> tf.Tensor:
        """A constant in the place of a kernel `(height, width, channels of a group, filters)`."""
        laid_out = np.ascontiguousarray(np.moveaxis(kernel, -1, 0), "float32")
        # Kernels that are equal have one number, as the converter gives them one place.
        content = laid_out.shape, hashlib.blake2b(laid_out.data).digest()
        number = self._numbers.setdefault(content, FIRST + len(self._numbers) * STEP)
        self._kernels.setdefault(number, laid_out)
        return tf.constant(number, "float32", kernel.shape)

    def replaced(self, content: bytes) -> bytes | None:
        """The file with each kernel in the place of its number.

        Args:
            content: A float32 `.tflite` file, converted with the numbers in it.

        Returns:
            `None` where the converter computed with a number. It multiplies a scale that follows a
            convolution into the kernel, for example.
        """
        model = read(content)
        kernels: dict[int, float] = {}
        for place in _constants(model):
            if place.largest <= LARGEST:
                continue
            number = float(place.values[0])
            kernel = self._kernels.get(number)
            if kernel is None or not place.holds(number, kernel):
                return None
            kernels[place.buffer] = number
        if {*kernels.values()} != {*self._kernels}:
            return None
        for buffer, number in kernels.items():
            model.buffers[buffer].data = self._kernels[number].view("uint8").ravel()
        return write(model)


class _Constant(NamedTuple):
    """A constant of an operator.

    Attributes:
        kind: The operator's kind.
        position: Number of the input that it is, from 0.
        shape: The constant's shape in the file.
        buffer: Where its values are.
        values: The values, `(n,)`.
    """

    kind: str
    position: int
    shape: tuple[int, ...]
    buffer: int
    values: np.ndarray

    @property
    def largest(self) -> float:
        """The largest absolute value; NaN where one is."""
        return float(np.maximum(self.values.max(), -self.values.min()))

    def holds(self, number: float, kernel: np.ndarray) -> bool:
        """Whether it repeats the number where the kernel belongs."""
        return bool(
            self.kind in HOLDERS
            and self.position == KERNEL
            and (self.shape[0], math.prod(self.shape)) == (len(kernel), kernel.size)
            and (self.values == number).all()
        )


def _constants(model: schema.ModelT) -> Iterator[_Constant]:
    """The float32 constants of all operators."""
    for graph in model.subgraphs:
        for op in graph.operators:
            kind = kind_of(model, op)
            for position, index in enumerate(op.inputs):
                tensor = graph.tensors[index] if index >= 0 else None
                if tensor is None or tensor.type != schema.TensorType.FLOAT32:
                    continue
                data = model.buffers[tensor.buffer].data
                if data is not None and len(data):
                    values = np.asarray(data, "uint8").view("float32")
                    yield _Constant(kind, position, tuple(tensor.shape), tensor.buffer, values)
