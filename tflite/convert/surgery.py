"""What TensorFlow's converter does not write: layers' names, bytes in, probabilities out."""

from collections import Counter
from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..file.card import Activation
from ..file.flatbuffer import KINDS, kind_of, read, write

Places = Callable[[str], tuple[str, str] | None]


def by_layer(content: bytes, place_of: Places, last: str) -> bytes:
    """Names what each operator gives `LAYER/…`, so that its layer is known from here on.

    Args:
        content: A float32 `.tflite` file of one output.
        place_of: The layer of a tensor and its name there, by the converter's name; `None` where
            that does not tell.
        last: The layer that makes the output, of which the converter forgets it.
    """
    model = read(content)
    graph = model.subgraphs[0]
    taken: Counter[str] = Counter()
    layer = last
    for op in graph.operators:
        for index in op.outputs:
            tensor = graph.tensors[index]
            # What the converter makes itself belongs to the layer that it follows.
            unknown = (last if index in graph.outputs else layer, kind_of(model, op).lower())
            layer, within = place_of(tensor.name.decode()) or unknown
            name = f"{layer}/{within}"
            taken[name] += 1
            tensor.name = (f"{name}_{taken[name]}" if taken[name] > 1 else name).encode()
    return write(model)


def with_bytes_taken(content: bytes) -> bytes:
    """Replaces the CAST of the uint8 input by a DEQUANTIZE with scale 1 and zero point 0.

    Both are the same function. XNNPACK has a kernel for the second alone, and the bytes stay bytes.

    Args:
        content: A float32 `.tflite` file whose input is cast from uint8.
    """
    model = read(content)
    graph = model.subgraphs[0]
    entry = next(op for op in graph.operators if graph.inputs[0] in op.inputs)
    if kind_of(model, entry) != "CAST":
        raise AssertionError("the input is not cast")  # the converter changed its ways
    pixels = graph.tensors[graph.inputs[0]]
    pixels.quantization = schema.QuantizationParametersT()
    pixels.quantization.scale = np.array([1], "float32")
    pixels.quantization.zeroPoint = np.array([0], "int64")
    entry.opcodeIndex = _operator_code(model, "DEQUANTIZE")
    entry.builtinOptionsType = schema.BuiltinOptions.NONE
    entry.builtinOptions = None
    return write(model)


def with_probabilities(content: bytes, activation: Activation, layer: str) -> bytes:
    """Puts the activation behind the logits, in float32 in every number format.

    In int8 it would keep 8 bits of a probability.

    Args:
        content: A `.tflite` file whose output is float32 logits.
        activation: What makes probabilities of them.
        layer: The one that the activation belongs to.
    """
    model = read(content)
    graph = model.subgraphs[0]
    (logits,) = graph.outputs
    probabilities = schema.TensorT()
    before = graph.tensors[logits]
    probabilities.shape, probabilities.shapeSignature = before.shape, before.shapeSignature
    probabilities.type, probabilities.name = (
        schema.TensorType.FLOAT32,
        f"{layer}/{activation}".encode(),
    )
    probabilities.quantization, probabilities.hasRank = schema.QuantizationParametersT(), True
    graph.tensors.append(probabilities)
    index = len(graph.tensors) - 1

    op = schema.OperatorT()
    op.inputs, op.outputs = np.array([logits], "int32"), np.array([index], "int32")
    if activation == "softmax":
        op.opcodeIndex = _operator_code(model, "SOFTMAX")
        op.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
        op.builtinOptions = schema.SoftmaxOptionsT()
        op.builtinOptions.beta = 1.0
    else:
        op.opcodeIndex = _operator_code(model, "LOGISTIC")
    graph.operators.append(op)

    graph.outputs = np.array([index], "int32")
    for signature in model.signatureDefs or ():
        for output in signature.outputs:
            output.tensorIndex, output.name = index, b"probabilities"
    return write(model)


def _operator_code(model: schema.ModelT, kind: str) -> int:
    """The index of a new entry in the file's table of operators."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = KINDS[kind]
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
