"""What is in a file: its operators, what they weigh, and which the runtime accelerates."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from .flatbuffer import kind_of, read
from .packing import unpack
from .runtime import Runner

TYPES = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if name[0].isupper()
}
UNKNOWN = "-"  # the layer of an operator that none is known for


@dataclass(frozen=True)
class Operator:
    """One operator of the graph.

    Attributes:
        kind: TFLite's name, such as `CONV_2D`.
        layer: The Keras layer that it came from; `"-"` where the file does not say.
        output: The name of its (first) output tensor.
        types: Types of its inputs that are no constants, and of its outputs.
        inputs, outputs: Number of its inputs and of its outputs.
        constants: Size of its weights in bytes.
        macs: Estimated multiply-accumulates for one image.
        delegated: Whether the runtime hands it to XNNPACK.
    """

    kind: str
    layer: str
    output: str
    types: tuple[str, ...]
    inputs: int
    outputs: int
    constants: int
    macs: int
    delegated: bool

    @property
    def obstacle(self) -> str:
        """Why XNNPACK does not take it, by what is known of its kernels."""
        if self.kind == "SPLIT" and self.outputs > 4:
            return f"{self.outputs} outputs, of at most 4"
        if self.kind == "CONCATENATION" and self.inputs > 5:
            return f"{self.inputs} inputs, of at most 5"
        if self.kind == "CUSTOM" or self.kind.startswith("FLEX"):
            return "not one of TFLite's own operators"
        return f"no kernel for {' and '.join(self.types)}"


@dataclass(frozen=True)
class Inspection:
    """A file's graph.

    Attributes:
        operators: The operators in the order of execution.
        partitions: How many pieces XNNPACK takes.
        input, output: Type and shape, such as `float32[1, 224, 224, 3]`, -1 for any number.
    """

    operators: tuple[Operator, ...]
    partitions: int
    input: str
    output: str


def inspect(content: bytes, layers: Collection[str] | None = None) -> Inspection:
    """Reads a file, and has the runtime prepare it.

    Args:
        content: The file's bytes.
        layers: The names of its layers; those that its card has by default.

    Raises:
        UserError: Where it is no model.
    """
    # The runtime checks the bytes, before they are taken apart here.
    runner = Runner(content)
    model = read(content)
    if layers is None:
        card = unpack(content)
        layers = () if card is None else card.layers
    known = frozenset(layers)
    graph = model.subgraphs[0]
    nodes = runner.nodes()
    originals, delegates = nodes[: len(graph.operators)], nodes[len(graph.operators) :]
    delegated = _delegated(originals, delegates)
    return Inspection(
        tuple(
            _operator(model, op, known, index in delegated)
            for index, op in enumerate(graph.operators)
        ),
        len(delegates),
        _described(graph.tensors[graph.inputs[0]]),
        _described(graph.tensors[graph.outputs[0]]),
    )


def _operator(
    model: schema.ModelT, op: schema.OperatorT, layers: Collection[str], delegated: bool
) -> Operator:
    tensors = model.subgraphs[0].tensors
    inputs = [tensors[i] for i in op.inputs if i >= 0]
    outputs = [tensors[i] for i in op.outputs]
    constants = [t for t in inputs if _size(model, t)]
    variables = [t for t in inputs if not _size(model, t)]
    kind = kind_of(model, op)
    name = outputs[0].name.decode()
    return Operator(
        kind=kind,
        layer=layer_of(name, layers),
        output=name,
        types=tuple(dict.fromkeys(TYPES[t.type] for t in [*variables, *outputs])),
        inputs=len(inputs),
        outputs=len(outputs),
        constants=sum(_size(model, t) for t in constants),
        macs=_macs(kind, inputs, outputs),
        delegated=delegated,
    )


def layer_of(tensor: str, layers: Collection[str]) -> str:
    """The layer whose operator gives a tensor, by its name; `"-"` where it is none of `layers`.

    Files of ours name what an operator gives `LAYER/…`, and Keras allows no slash in a layer's name.

    Example:
        >>> layer_of("stage1_block2/conv1_1/Relu", {"stem", "stage1_block2"})
        'stage1_block2'
    """
    layer = tensor.split("/", 1)[0]
    return layer if layer in layers else UNKNOWN


def _described(tensor: schema.TensorT) -> str:
    shape = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return f"{TYPES[tensor.type]}{[int(side) for side in shape]}"


def _size(model: schema.ModelT, tensor: schema.TensorT) -> int:
    data = model.buffers[tensor.buffer].data
    return 0 if data is None else len(data)


def _macs(kind: str, inputs: Sequence[schema.TensorT], outputs: Sequence[schema.TensorT]) -> int:
    # One image: the first axis of every output is the batch.
    positions = math.prod(outputs[0].shape[1:]) if outputs[0].shape is not None else 0
    if kind in ("CONV_2D", "FULLY_CONNECTED"):  # weights (filters, …)
        return int(positions * math.prod(inputs[1].shape[1:]))
    if kind == "DEPTHWISE_CONV_2D":  # weights (1, height, width, filters)
        return int(positions * math.prod(inputs[1].shape[1:3]))
    return 0


def _delegated(
    originals: Sequence[dict[str, Any]], delegates: Sequence[dict[str, Any]]
) -> set[int]:
    """Which of the original nodes are in a delegate's: those between its inputs and outputs."""
    producer = {
        int(tensor): index for index, node in enumerate(originals) for tensor in node["outputs"]
    }
    found: set[int] = set()
    for delegate in delegates:
        border = {int(tensor) for tensor in delegate["inputs"]}
        pending = [int(tensor) for tensor in delegate["outputs"]]
        while pending:
            tensor = pending.pop()
            index = producer.get(tensor)
            if index is None or index in found or tensor in border:
                continue
            found.add(index)
            pending.extend(int(i) for i in originals[index]["inputs"] if i >= 0)
    return found
