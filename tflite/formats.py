"""The number formats in which a model can be exported, and every fact about each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class TensorFlowRecipe:
    """How TensorFlow's converter is told to write a format.

    Attributes:
        optimize: Whether it quantises at all.
        types: Types that weights may become, by TensorFlow's names of types; empty for its own
            choice.
        operators: The name of a `tf.lite.OpsSet`; `None` for its own choice.
    """

    optimize: bool = True
    types: tuple[str, ...] = ()
    operators: str | None = None


# XNNPACK has no int8 kernel for these. In float32 they are accelerated, and so are the conversions
# around them: the file stays one partition. They stand in softmaxes of a few values an image.
_WITHOUT_INT8_KERNEL = ("AVERAGE_POOL_2D", "DIV", "MAXIMUM", "SUB")


@dataclass(frozen=True)
class NumberFormat:
    """One number format.

    Attributes:
        name: Name of the format in file names and tables.
        option: Name of the format for `--quantize`.
        about: What is stored and computed in which type.
        weight_bits: Bits of a weight: 32 and 16 are floating point, 8 an integer.
        activation_bits: Bits of an activation, an integer; `None` where it is a float32.
        float_operators: Operators that keep float32 activations and weights, by TFLite's names.
        tensorflow: How TensorFlow's converter writes it; `None` where it cannot.
        plain_ranges: Whether the activations have room for everything that was seen, so that no
            calibration method but min-max is worth trying.

    Example:
        >>> INT8.calibrated, FLOAT16.calibrated
        (True, False)
    """

    name: str
    option: str
    about: str
    weight_bits: int = 32
    activation_bits: int | None = None
    float_operators: tuple[str, ...] = ()
    tensorflow: TensorFlowRecipe | None = None
    plain_ranges: bool = False

    @property
    def calibrated(self) -> bool:
        """Whether it needs images, to find the range of each activation."""
        return self.activation_bits is not None


FLOAT32 = NumberFormat(
    "float32",
    "none",
    "weights and arithmetic in float32",
    tensorflow=TensorFlowRecipe(optimize=False),
)
FLOAT16 = NumberFormat(
    "float16",
    "float16",
    "weights in float16, arithmetic in float32 on a CPU",
    weight_bits=16,
    tensorflow=TensorFlowRecipe(types=("float16",)),
)
DYNAMIC = NumberFormat(
    "dynamic",
    "dynamic",
    "weights in int8, activations quantised on the fly",
    weight_bits=8,
    # XNNPACK quantises on the fly for dense and grouped convolutions, but not for depthwise.
    float_operators=("DEPTHWISE_CONV_2D",),
    tensorflow=TensorFlowRecipe(),
)
INT8 = NumberFormat(
    "int8",
    "int8",
    "weights (per channel) and activations in int8",
    weight_bits=8,
    activation_bits=8,
    float_operators=_WITHOUT_INT8_KERNEL,
    tensorflow=TensorFlowRecipe(operators="TFLITE_BUILTINS_INT8"),
)
INT16X8 = NumberFormat(
    "int16x8",
    "int16x8",
    "weights in int8, activations in int16: slow on a CPU",
    weight_bits=8,
    activation_bits=16,
    float_operators=_WITHOUT_INT8_KERNEL,
    tensorflow=TensorFlowRecipe(
        operators="EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    ),
    plain_ranges=True,
)

FORMATS = (FLOAT32, FLOAT16, DYNAMIC, INT8, INT16X8)
BY_OPTION: Mapping[str, NumberFormat] = MappingProxyType({one.option: one for one in FORMATS})

# What int8 becomes where some layers stay in float32 to keep the accuracy. The user asks for it by
# `--max-drop`, not by `--quantize`.
MIXED = NumberFormat(
    "mixed",
    "int8",
    "int8, and float32 where int8 costs too much accuracy",
    weight_bits=8,
    activation_bits=8,
    float_operators=_WITHOUT_INT8_KERNEL,
)
