"""Ranges that the kernels of integer formats can work with."""

import math
from collections.abc import Mapping

from .joining import HANDS_ON
from .network import nodes_of
from .ranges import Range

# A bound of 6 (ReLU6) is to be fewer than 2^31 steps, or no interpreter prepares the operator.
NARROWEST = 2.0**-19
# XNNPACK's kernels for int8 take sums whose inputs have steps from 2^-10 to 2^8 of the output's, and
# products whose inputs' steps, multiplied, are from 2^-16 to 2^8 of it (`xnn_define_binary`).
SUMS, LEAST_SHARE, MOST_SHARE = {"ADD", "SUB"}, 2.0**-9, 2.0**7
PRODUCTS, LEAST_PRODUCT, MOST_PRODUCT = {"MUL"}, 2.0**-15, 2.0**7
STEPS = 255  # of a range


def within_limits(model: bytes, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Widens the ranges that are too narrow beside those that they meet.

    What is added to something a thousand times as wide hardly tells in its steps: it may as well have
    wider ones, and the operator stays accelerated. It happens where the first stages were drawn at
    random and shrink what they are given, while the last ones have learned.

    Args:
        model: A float32 file.
        ranges: The range of each activation, by its name.
    """
    found = {name: _at_least(limits, NARROWEST) for name, limits in ranges.items()}
    nodes = nodes_of(model)
    # What is handed on keeps the steps in which it came: its source is what can be widened.
    source = {name: name for name in found}
    for node in nodes:
        came = [source[name] for name in node.inputs if name in source]
        if node.kind in HANDS_ON and came:
            source.update((name, came[0]) for name in node.outputs)

    def widen(name: str, width: float) -> bool:
        wider = _at_least(found[name], width)
        changed, found[name] = wider != found[name], wider
        return changed

    changed = True
    while changed:
        changed = False
        for node in reversed(nodes):
            inputs = [source[name] for name in node.inputs if name in source]
            output = node.outputs[0]
            if node.kind not in SUMS | PRODUCTS or output not in found or not inputs:
                continue
            widths = [_width(found[name]) for name in inputs]
            if node.kind in SUMS:
                changed |= widen(output, max(widths) / MOST_SHARE)
                for name in inputs:
                    changed |= widen(name, _width(found[output]) * LEAST_SHARE)
            elif len(inputs) == 2:  # the other is no constant
                product = widths[0] * widths[1] / STEPS
                changed |= widen(output, product / MOST_PRODUCT)
                lacking = math.sqrt(_width(found[output]) * LEAST_PRODUCT / product)
                for name, width in zip(inputs, widths, strict=True):
                    changed |= widen(name, width * lacking)
    return found


def _width(limits: Range) -> float:
    return float(limits.high) - float(limits.low)


def _at_least(limits: Range, width: float) -> Range:
    """The range, or one of this width around 0 as it lies."""
    now = _width(limits)
    if now >= width:
        return limits
    factor = width / now
    return Range(limits.low * factor, limits.high * factor)
