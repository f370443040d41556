"""Joined maps in one range, so that an int8 file need not convert between the steps of two."""

from collections.abc import Mapping

from .network import nodes_of
from .ranges import Range

JOINS = "CONCATENATION"
# What hands values on, in the steps in which they came.
HANDS_ON = {"MAX_POOL_2D", "PAD", "RESHAPE", "SPLIT", "STRIDED_SLICE"}


def joined(model: bytes, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """Widens the ranges of what is concatenated to one that holds all of it.

    A map that is joined to others and used by itself too, as Res2Net's are, has a range of its own
    otherwise, and is rounded once more where it is joined: by a factor of 8 bits, in XNNPACK, which
    is off by up to a quarter of a step. One range costs wider steps, and saves the operator.

    Args:
        model: A float32 file.
        ranges: The range of each activation, by its name.
    """
    groups = {name: {name} for name in ranges}
    for node in nodes_of(model):
        if node.kind == JOINS or node.kind in HANDS_ON:
            members = [name for name in (*node.inputs, *node.outputs) if name in groups]
            merged = set().union(*(groups[name] for name in members))
            groups.update((name, merged) for name in merged)
    return {
        name: Range(min(ranges[one].low for one in group), max(ranges[one].high for one in group))
        for name, group in groups.items()
    }
