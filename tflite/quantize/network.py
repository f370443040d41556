"""A float file as a graph of operators, whose weights can be read and replaced."""

import copy
from collections import Counter
from functools import cached_property
from typing import NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..file.flatbuffer import kind_of, read, write

# Of operators with weights: the axis of the kernel that runs over the output's channels.
FILTER_AXES = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
KERNEL, BIAS = 1, 2  # among the inputs of such an operator
_ACTIVATIONS = {
    value: name
    for name, value in vars(schema.ActivationFunctionType).items()
    if not name.startswith("_")
}


class Node(NamedTuple):
    """An operator of the graph.

    Attributes:
        place: Its place in the order of execution.
        kind: TFLite's name, such as `CONV_2D`.
        inputs, outputs: Names of the tensors that it takes, constants among them, and gives.
        activation: TFLite's name of the fused activation; `NONE` for none.
        rank: Number of axes of its first output.
    """

    place: int
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    activation: str
    rank: int

    @property
    def has_weights(self) -> bool:
        return self.kind in FILTER_AXES

    def over_inputs(self, kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A value of each input channel, laid out to be multiplied with this operator's kernel.

        Args:
            kernel: The kernel, `(outputs, height, width, channels of a group)` or, depthwise,
                `(1, height, width, outputs)`.
            values: `(channels,)`.
        """
        if self.kind == "DEPTHWISE_CONV_2D":
            return np.repeat(values, kernel.shape[-1] // len(values))
        groups = values.reshape(-1, kernel.shape[-1])
        each = np.repeat(groups, len(kernel) // len(groups), axis=0)
        return each.reshape(len(kernel), *[1] * (kernel.ndim - 2), kernel.shape[-1])

    def over_outputs(self, kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
        """A value of each output channel, laid out to be multiplied with this operator's kernel."""
        if self.kind == "DEPTHWISE_CONV_2D":
            return values
        return values.reshape(-1, *[1] * (kernel.ndim - 1))


class Window(NamedTuple):
    """What one position of an operator with weights looks at.

    Attributes:
        channels: Number of input channels of a group.
        size: `(height, width)` of the kernel; nothing for a dense layer.
        strides, dilations: The same for height and width.
        same: Whether the input is padded, so that there are as many outputs as steps begin in it.
    """

    channels: int
    size: tuple[int, ...] = ()
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    same: bool = False

    def inputs(self, activation: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
        """What `count` positions of an image, drawn at random, or else all of them, look at.

        Args:
            activation: `(1, height, width, channels)`; of a dense layer `(1, channels)`.
            count: Number of positions at most.
            random: What draws them.

        Returns:
            `(groups, positions, inputs)`, a copy, the inputs in the order of a filter's weights.
        """
        if not self.size:
            return activation.reshape(1, -1, self.channels).copy()
        _, *sides, channels = activation.shape
        steps = [self._steps(axis, side) for axis, side in enumerate(sides)]
        there = steps[0] * steps[1]
        drawn = np.unravel_index(random.choice(there, min(count, there), replace=False), steps)
        y, x = (self._seen(axis, side, drawn[axis]) for axis, side in enumerate(sides))
        y, x = y[:, :, None], x[:, None]
        # Copied place by place: to pad all of an activation takes longer than the few that are drawn.
        values = activation[0, y.clip(0, sides[0] - 1), x.clip(0, sides[1] - 1)]
        is_padding = (y < 0) | (y >= sides[0]) | (x < 0) | (x >= sides[1])
        values[is_padding] = 0
        by_group = values.reshape(len(values), -1, channels // self.channels, self.channels)
        by_group = np.ascontiguousarray(np.moveaxis(by_group, 2, 0))  # what products are made of
        return by_group.reshape(len(by_group), len(values), -1)

    def _steps(self, axis: int, side: int) -> int:
        """Number of outputs along an axis of so many inputs."""
        reach = 1 + (self.size[axis] - 1) * self.dilations[axis]
        return -(-(side if self.same else side - reach + 1) // self.strides[axis])

    def _seen(self, axis: int, side: int, steps: np.ndarray) -> np.ndarray:
        """The places that each of some steps looks at, `(steps, size)`; those of padding lie outside."""
        size, stride, dilation = self.size[axis], self.strides[axis], self.dilations[axis]
        missing = (self._steps(axis, side) - 1) * stride + 1 + (size - 1) * dilation - side
        before = max(missing, 0) // 2 if self.same else 0
        return np.asarray(steps[:, None] * stride + dilation * np.arange(size) - before)


def nodes_of(content: bytes) -> tuple[Node, ...]:
    """The operators of a `.tflite` file in the order of execution."""
    return Network(content).nodes


class Network:
    """A `.tflite` file, read and changed operator by operator.

    Args:
        content: The file's bytes.
    """

    def __init__(self, content: bytes):
        self._model = read(content)
        self._graph = self._model.subgraphs[0]
        self._users = Counter(int(i) for op in self._graph.operators for i in op.inputs)
        self._holders = Counter(tensor.buffer for tensor in self._graph.tensors)

    def content(self) -> bytes:
        """The file as it is now."""
        return write(self._model)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The operators in the order of execution."""
        return tuple(self._node(place) for place in range(len(self._graph.operators)))

    @property
    def weighted(self) -> tuple[Node, ...]:
        """Those with weights: convolutions and dense layers."""
        return tuple(node for node in self.nodes if node.has_weights)

    def consumers(self, tensor: str) -> list[Node]:
        """The operators that take a tensor."""
        return [node for node in self.nodes if tensor in node.inputs]

    def window(self, node: Node) -> Window:
        """What one position of an operator with weights looks at."""
        shape = self.kernel(node).shape
        if node.kind == "FULLY_CONNECTED":
            return Window(shape[-1])
        options = self._graph.operators[node.place].builtinOptions
        return Window(
            1 if node.kind == "DEPTHWISE_CONV_2D" else shape[-1],
            shape[1:3],
            (options.strideH, options.strideW),
            (options.dilationHFactor, options.dilationWFactor),
            options.padding == schema.Padding.SAME,
        )

    def kernel(self, node: Node) -> np.ndarray:
        """The weights, as the file lays them out; in float32, were they integers."""
        return self._array(node, KERNEL)

    def bias(self, node: Node) -> np.ndarray | None:
        """What is added to each channel; `None` where nothing is."""
        return (
            None if len(node.inputs) <= BIAS or not node.inputs[BIAS] else self._array(node, BIAS)
        )

    def set_kernel(self, node: Node, values: np.ndarray) -> None:
        self._set(node, KERNEL, values)

    def set_bias(self, node: Node, values: np.ndarray) -> None:
        self._set(node, BIAS, values)

    def _node(self, place: int) -> Node:
        op = self._graph.operators[place]
        fused = getattr(op.builtinOptions, "fusedActivationFunction", 0)
        return Node(
            place,
            kind_of(self._model, op),
            tuple(self._name(i) for i in op.inputs),
            tuple(self._name(i) for i in op.outputs),
            _ACTIVATIONS[fused],
            len(self._graph.tensors[op.outputs[0]].shape),
        )

    def _name(self, index: int) -> str:
        return "" if index < 0 else str(self._graph.tensors[index].name.decode())

    def _array(self, node: Node, which: int) -> np.ndarray:
        tensor = self._graph.tensors[self._graph.operators[node.place].inputs[which]]
        data = np.asarray(self._model.buffers[tensor.buffer].data, "uint8")
        if tensor.type == schema.TensorType.FLOAT32:
            return data.view("float32").reshape(tensor.shape).copy()
        stored = data.view("int8" if tensor.type == schema.TensorType.INT8 else "int32")
        scale = np.asarray(tensor.quantization.scale, "float32")
        if len(scale) > 1:
            axis = tensor.quantization.quantizedDimension
            scale = scale.reshape([-1 if i == axis else 1 for i in range(len(tensor.shape))])
        return np.asarray(stored.reshape(tensor.shape) * scale, "float32")

    def _set(self, node: Node, which: int, values: np.ndarray) -> None:
        """Replaces a constant of one operator; others that share it keep what they have."""
        op = self._graph.operators[node.place]
        index = int(op.inputs[which])
        tensor = self._graph.tensors[index]
        if self._users[index] > 1:
            self._users[index] -= 1
            tensor = copy.copy(tensor)
            tensor.name = f"{node.outputs[0]}/constant{which}".encode()
            index = len(self._graph.tensors)
            self._graph.tensors.append(tensor)
            self._holders[tensor.buffer] += 1
            op.inputs = np.array(op.inputs)
            op.inputs[which] = index
            self._users[index] = 1
        if self._holders[tensor.buffer] > 1:
            self._holders[tensor.buffer] -= 1
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(schema.BufferT())
            self._holders[tensor.buffer] = 1
        buffer = self._model.buffers[tensor.buffer]
        buffer.data = np.frombuffer(values.astype("float32").tobytes(), "uint8")
