"""A picture of what formats cost: accuracy against latency and size."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from keras_resnets._common.pictures import figure, png

if TYPE_CHECKING:
    from .latency import Measurement


def draw_trade_off(measurements: Sequence["Measurement"], accuracy: Mapping[str, float]) -> bytes:
    """A PNG: each file's accuracy over its latency, and over its size."""
    drawing = figure(10, 4)
    by_latency, by_size = drawing.subplots(1, 2, sharey=True)
    for one in measurements:
        if one.file not in accuracy:
            continue
        percent = 100 * accuracy[one.file]
        by_latency.plot(one.median_ms, percent, "o", label=one.file)
        by_size.plot(one.bytes / 1e6, percent, "o")
    by_latency.set(xscale="log", xlabel="median latency, ms", ylabel="top-1, %")
    by_size.set(xscale="log", xlabel="size, MB")
    for axes in (by_latency, by_size):
        axes.margins(0.15)
        axes.grid(alpha=0.3, which="both")
    drawing.legend(loc="outside right upper")
    return png(drawing)
