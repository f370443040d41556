"""From a float32 file to one in another number format, by LiteRT Quantizer."""

import contextlib
import dataclasses
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from keras_resnets._common.console import silent_output

from ..file.runtime import activations_kept
from ..formats import FLOAT32, NumberFormat
from .ranges import Range


def quantize(
    model: bytes,
    format: NumberFormat,
    ranges: Mapping[str, Range],
    *,
    float_layers: Collection[str] = (),
    integer_io: bool = False,
) -> bytes:
    """Rewrites a file in another number format.

    Args:
        model: A float32 `.tflite` file.
        format: The number format.
        ranges: Ranges of the activations (`tflite.quantize.ranges`), for formats that are
            calibrated.
        float_layers: Layers that stay in float32.
        integer_io: Whether input and output are integers too.
    """
    if format == FLOAT32:
        return model
    from litert_quantizer import qtyping, quantizer
    from litert_quantizer.algorithm_manager import AlgorithmName

    operators = qtyping.TFLOperationName
    recipe = quantizer.Quantizer(model)

    def keep_float(scope: str, operator: str) -> None:
        recipe.update_quantization_recipe(
            scope, operators(operator), algorithm_key=AlgorithmName.NO_QUANTIZE
        )

    everything = operators.ALL_SUPPORTED
    if format.weight_bits == 16:
        weights = qtyping.TensorQuantizationConfig(16, dtype=qtyping.TensorDataType.FLOAT)
        recipe.update_quantization_recipe(
            ".*",
            everything,
            qtyping.OpQuantizationConfig(
                weight_tensor_config=weights,
                compute_precision=qtyping.ComputePrecision.FLOAT,
                explicit_dequantize=True,
            ),
            AlgorithmName.FLOAT_CASTING,
        )
    elif format.activation_bits is None:
        recipe.add_dynamic_config(".*", everything, format.weight_bits)
    else:
        recipe.add_static_config(".*", everything, format.activation_bits, format.weight_bits)
    for operator in format.float_operators:
        keep_float(".*", operator)
    if format.calibrated and not integer_io:
        keep_float(".*", "INPUT")
        keep_float(".*", "OUTPUT")
    for layer in float_layers:
        # What a layer's operators give is named LAYER/… (`tflite.convert.surgery.by_layer`).
        keep_float(rf"^{re.escape(layer)}/", operators.ALL_SUPPORTED)
    statistics = {name: _statistics(limits) for name, limits in ranges.items()}
    with silent_output(bars=True), activations_kept(), _kernels_of_any_size():
        # The entry of bytes is quantised, and is to stay so.
        warnings.filterwarnings("ignore", "Input model is already partially quantized")
        result = recipe.quantize(statistics or None, enable_progress_report=False)
    return bytes(result.quantized_model)


@contextlib.contextmanager
def _kernels_of_any_size() -> Iterator[None]:
    """Shows the quantiser kernels of convolutions as matrices, one row a filter.

    Of more than 32 MiB it takes nothing else: it goes by rows then, and spreads scales `(filters, 1,
    1, 1)` over a matrix (litert-quantizer 0.11.0, "input operand has more dimensions").
    """
    from litert_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

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
