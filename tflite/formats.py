"""The number formats in which a model can be exported."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mode:
    """One number format.

    Attributes:
        name: In file names and tables.
        option: What `--quantize` calls it.
        calibrated: Whether it needs images to find the range of each activation.
        about: What is stored and computed in which type.
    """

    name: str
    option: str
    calibrated: bool
    about: str


FLOAT32 = Mode("float32", "none", False, "weights and arithmetic in float32")
FLOAT16 = Mode("float16", "float16", False, "weights in float16, arithmetic in float32 on a CPU")
DYNAMIC = Mode("dynamic", "dynamic", False, "weights in int8, activations quantised on the fly")
INT8 = Mode("int8", "int8", True, "weights (per channel) and activations in int8")
INT16X8 = Mode("int16x8", "int16x8", True, "weights in int8, activations in int16: slow on a CPU")

MODES = (FLOAT32, FLOAT16, DYNAMIC, INT8, INT16X8)
BY_OPTION = {mode.option: mode for mode in MODES}

# What int8 becomes where some layers stay in float32 to keep the accuracy.
MIXED = Mode("mixed", "int8", True, "int8, and float32 where int8 costs too much accuracy")
