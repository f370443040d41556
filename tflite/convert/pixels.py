"""Files that take pixels: the entry of bytes into a float graph, in a form that is accelerated."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from ..file.flatbuffer import read, write

CAST = schema.BuiltinOperator.CAST
DEQUANTIZE = schema.BuiltinOperator.DEQUANTIZE


def accelerate_pixels(content: bytes) -> bytes:
    """Replaces the CAST of the uint8 input by a DEQUANTIZE with scale 1 and zero point 0.

    Both are the same function. XNNPACK has a kernel for the second alone, and the bytes stay bytes.

    Args:
        content: a float32 `.tflite` file whose input is cast from uint8.
    """
    model = read(content)
    graph = model.subgraphs[0]
    entry = next(op for op in graph.operators if graph.inputs[0] in op.inputs)
    if model.operatorCodes[entry.opcodeIndex].builtinCode != CAST:
        raise AssertionError("the input is not cast")  # the converter changed its ways
    pixels = graph.tensors[graph.inputs[0]]
    pixels.quantization = schema.QuantizationParametersT()
    pixels.quantization.scale = np.array([1], "float32")
    pixels.quantization.zeroPoint = np.array([0], "int64")
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = DEQUANTIZE
    code.version = 1
    model.operatorCodes.append(code)
    entry.opcodeIndex = len(model.operatorCodes) - 1
    entry.builtinOptionsType = schema.BuiltinOptions.NONE
    entry.builtinOptions = None
    return write(model)
