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
from .network import nodes_of
from .ranges import Range

# How far weights are clipped before they are rounded, and the quantiser's name of the way.
CLIPPINGS = {"none": "min_max_uniform_quantize", "octav": "OCTAV", "mse": "MSE"}


def quantize(
    model: bytes,
    format: NumberFormat,
    ranges: Mapping[str, Range],
    *,
    float_layers: Collection[str] = (),
    integer_io: bool = False,
    clipping: str = "none",
) -> bytes:
    """Rewrites a file in another number format.

    Args:
        model: A float32 `.tflite` file.
        format: The number format.
        ranges: Ranges of the activations (`tflite.quantize.ranges`), for formats that are
            calibrated.
        float_layers: Layers that stay in float32.
        integer_io: Whether input and output are integers too, and all between them.
        clipping: A key of `CLIPPINGS`, for formats that are calibrated.
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
        recipe.add_static_config(
            ".*",
            everything,
            format.activation_bits,
            format.weight_bits,
            algorithm_key=AlgorithmName(CLIPPINGS[clipping]),
        )
    for operator in format.float_operators:
        keep_float(".*", operator)
    if format.calibrated and not integer_io:
        keep_float(".*", "INPUT")
        keep_float(".*", "OUTPUT")
        entry, head = float_ends(model)
        for scope in map(_exactly, (*entry, *head)):
            keep_float(scope, operators.ALL_SUPPORTED)
            # Its weights stay integers, and the runtime quantises what it is given on the fly.
            recipe.add_dynamic_config(scope, operators.FULLY_CONNECTED, format.weight_bits)
    for layer in float_layers:
        # What a layer's operators give is named LAYER/… (`tflite.convert.surgery.by_layer`).
        keep_float(rf"^{re.escape(layer)}/", operators.ALL_SUPPORTED)
    statistics = {name: _statistics(limits) for name, limits in ranges.items()}
    with silent_output(bars=True), activations_kept(), _kernels_of_any_size():
        # The entry of bytes is quantised, and is to stay so.
        warnings.filterwarnings("ignore", "Input model is already partially quantized")
        result = recipe.quantize(statistics or None, enable_progress_report=False)
    return bytes(result.quantized_model)


def float_ends(model: bytes) -> tuple[list[str], list[str]]:
    """The ends of a network that an integer file computes in float32, at next to no cost.

    In integers the pixels would be rounded twice before the first convolution, the pooled features
    once more, and the logits to steps so wide that classes tie. Padding rounds nothing, and in integers
    the runtime makes it part of the convolution: of three float channels it took 15 % of a ReXNet-100.

    Args:
        model: A float32 `.tflite` file.

    Returns:
        What the operators before the first with weights and its padding give, and what those from the
        pooled features on give, whose outputs are no maps any more: names of tensors.
    """
    nodes = nodes_of(model)
    first = next((node.place for node in nodes if node.has_weights), 0)
    while first and nodes[first - 1].kind == "PAD":
        first -= 1
    return (
        [node.outputs[0] for node in nodes[:first]],
        [node.outputs[0] for node in nodes if node.rank == 2],
    )


def _exactly(tensor: str) -> str:
    """The scope that holds the operator alone that gives a tensor."""
    return rf"(^|;){re.escape(tensor)}(;|$)"


@contextlib.contextmanager
def _kernels_of_any_size() -> Iterator[None]:
    """Shows the quantiser kernels of convolutions as matrices, one row a filter.

    Of more than 32 MiB it takes nothing else: it goes by rows then, and spreads scales `(filters, 1,
    1, 1)` over a matrix (litert-quantizer 0.11.0, "input operand has more dimensions").
    """
    from litert_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

    original = module.uniform_quantize

    def uniform_quantize(
        tensor: np.ndarray, parameters: Any, is_blockwise_quant: bool = False
    ) -> Any:
        if tensor.ndim != 4 or parameters.quantized_dimension != 0:
            return original(tensor, parameters, is_blockwise_quant)
        by_row = dataclasses.replace(
            parameters,
            scale=parameters.scale.reshape(-1, 1),
            zero_point=parameters.zero_point.reshape(-1, 1),
        )
        rows = tensor.reshape(len(tensor), -1)
        return original(rows, by_row, is_blockwise_quant).reshape(tensor.shape)

    module.uniform_quantize = uniform_quantize
    try:
        yield
    finally:
        module.uniform_quantize = original


def _statistics(limits: Range) -> dict[str, np.ndarray]:
    return {"min": np.array(limits.low, "float32"), "max": np.array(limits.high, "float32")}
