"""From a float32 file to one in another number format, by AI Edge Quantizer."""

import contextlib
import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from ..formats import DYNAMIC, FLOAT16, FLOAT32, INT8, INT16X8, MIXED, Mode
from ..terminal import quiet
from .ranges import Range

# XNNPACK has no int8 kernel for these. In float32 they are accelerated, and so are the conversions
# around them: the file stays one partition. They stand in softmaxes of a few values an image.
FLOAT_OPERATORS = ("AVERAGE_POOL_2D", "DIV", "MAXIMUM", "SUB")

WEIGHT_BITS = 8
ACTIVATION_BITS = {INT8.name: 8, MIXED.name: 8, INT16X8.name: 16}


def quantize(
    model: bytes,
    mode: Mode,
    ranges: Mapping[str, Range],
    *,
    float_layers: Collection[str] = (),
    integer_io: bool = False,
) -> bytes:
    """Rewrites a file in another number format.

    Args:
        model: a float32 `.tflite` file.
        mode: the format.
        ranges: of the activations (`tflite.quantize.ranges`), for modes that are calibrated.
        float_layers: layers that stay in float32, by the names of `tflite.file.inspection.layer_of`.
        integer_io: whether input and output are integers too.
    """
    if mode == FLOAT32:
        return model
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    operators = qtyping.TFLOperationName
    recipe = quantizer.Quantizer(model)

    def keep_float(scope: str, operator: str) -> None:
        recipe.update_quantization_recipe(
            scope, operators(operator), algorithm_key=AlgorithmName.NO_QUANTIZE
        )

    if mode == FLOAT16:
        weights = qtyping.TensorQuantizationConfig(16, dtype=qtyping.TensorDataType.FLOAT)
        recipe.update_quantization_recipe(
            ".*",
            operators.ALL_SUPPORTED,
            qtyping.OpQuantizationConfig(
                weight_tensor_config=weights,
                compute_precision=qtyping.ComputePrecision.FLOAT,
                explicit_dequantize=True,
            ),
            AlgorithmName.FLOAT_CASTING,
        )
    elif mode == DYNAMIC:
        recipe.add_dynamic_config(".*", operators.ALL_SUPPORTED, WEIGHT_BITS)
        # XNNPACK quantises on the fly for dense and grouped convolutions, but not for depthwise.
        keep_float(".*", "DEPTHWISE_CONV_2D")
    else:
        bits = ACTIVATION_BITS[mode.name]
        recipe.add_static_config(".*", operators.ALL_SUPPORTED, bits, WEIGHT_BITS)
        for operator in FLOAT_OPERATORS:
            keep_float(".*", operator)
        if not integer_io:
            keep_float(".*", "INPUT")
            keep_float(".*", "OUTPUT")
    for layer in float_layers:
        keep_float(_scope(layer), operators.ALL_SUPPORTED)
    statistics = {name: _statistics(limits) for name, limits in ranges.items()}
    # It draws progress bars, and its interpreter warns of what it does itself.
    with quiet(), _kernels_of_any_size():
        result = recipe.quantize(statistics or None, enable_progress_report=False)
    return bytes(result.quantized_model)


@contextlib.contextmanager
def _kernels_of_any_size() -> Iterator[None]:
    """Shows the quantiser kernels of convolutions as matrices, one row a filter.

    Of more than 32 MiB it takes nothing else: it goes by rows then, and spreads scales `(filters, 1,
    1, 1)` over a matrix (ai-edge-quantizer 0.10.0, "input operand has more dimensions").
    """
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

    original = module.uniform_quantize

    def uniform_quantize(tensor: np.ndarray, parameters: Any, blockwise: bool = False) -> Any:
        if tensor.ndim != 4 or parameters.quantized_dimension != 0:
            return original(tensor, parameters, blockwise)
        by_row = dataclasses.replace(
            parameters,
            scale=parameters.scale.reshape(-1, 1),
            zero_point=parameters.zero_point.reshape(-1, 1),
        )
        return original(tensor.reshape(len(tensor), -1), by_row, blockwise).reshape(tensor.shape)

    module.uniform_quantize = uniform_quantize
    try:
        yield
    finally:
        module.uniform_quantize = original


def _statistics(limits: Range) -> dict[str, np.ndarray]:
    return {"min": np.array(limits.low, "float32"), "max": np.array(limits.high, "float32")}


def _scope(layer: str) -> str:
    """Matches the names of the tensors that a layer makes."""
    if layer == "predictions":
        return "StatefulPartitionedCall"
    return rf"(^|/){re.escape(layer)}(_\d+)?/"
