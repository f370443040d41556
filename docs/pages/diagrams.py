"""Block diagrams of the families, drawn from the code: `python docs/pages/diagrams.py`.

A layer is called on a symbolic tensor; the graph of what it calls is the diagram.
"""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras

from keras_resnets.layers import (
    Bottleneck,
    ConvNorm,
    LinearBottleneck,
    Res2NetScale,
    SplitAttention,
    SqueezeExcite,
)

FOLDER = Path(__file__).parent.parent / "diagrams"
SIDE, CHANNELS = 56, 256
ROW, WIDTH, HEIGHT, GAP, LANE = 58, 190, 36, 24, 8


def _block(spatial: Any, **options: Any) -> keras.layers.Layer:
    return Bottleneck(CHANNELS, 128, spatial, **options)


# File → the layer, and the shape it is called with. The numbers are those of the networks' first stages.
DIAGRAMS: dict[str, tuple[Callable[[], keras.layers.Layer], tuple[int, ...]]] = {
    "resnext": (
        lambda: _block(ConvNorm(128, 3, groups=32, activation="relu", name="spatial")),
        (SIDE, SIDE, CHANNELS),
    ),
    "resnest": (
        lambda: _block(SplitAttention(128, radix=2, name="spatial")),
        (SIDE, SIDE, CHANNELS),
    ),
    "split_attention": (lambda: SplitAttention(64, radix=2), (SIDE, SIDE, 64)),
    "res2net_scale": (lambda: Res2NetScale(104, scale=4), (SIDE, SIDE, 104)),
    "seresnext": (
        lambda: _block(
            ConvNorm(128, 3, groups=32, activation="relu", name="spatial"),
            attention=SqueezeExcite(16, name="attention"),
        ),
        (SIDE, SIDE, CHANNELS),
    ),
    "rexnet": (lambda: LinearBottleneck(38, 162, squeezed=13, shortcut=True), (SIDE, SIDE, 27)),
}


@dataclass
class Node:
    """A box: what it says, and the boxes that feed it."""

    lines: tuple[str, ...]
    sources: list[str]


def graph(layer: keras.layers.Layer, shape: tuple[int, ...]) -> dict[str, Node]:
    """What a layer calls, in an order in which each comes after its sources."""
    inputs = keras.Input(shape, name="input")
    layer.build((None, *shape))
    traced = keras.Model(inputs, layer.call(inputs))
    nodes = {}
    for operation in traced.operations:
        tensors = [t for node in operation._inbound_nodes for t in node.input_tensors]
        sources = list(dict.fromkeys(t._keras_history.operation.name for t in tensors))
        nodes[operation.name] = Node(tuple(_words(operation)), sources)
    return nodes


def _words(operation: Any) -> Iterator[str]:
    kind = type(operation).__name__
    if kind == "InputLayer":
        yield "input"
    elif isinstance(operation, ConvNorm):
        size = f"{operation.kernel_size} × {operation.kernel_size}"
        groups = f", {operation.groups} groups" if operation.groups > 1 else ""
        yield f"{operation.name}: {size}{groups}"
    else:
        own = isinstance(operation, keras.layers.Layer)
        yield f"{operation.name}: {kind}" if own else kind.lower()
    outputs = operation.output
    first = outputs[0] if isinstance(outputs, list | tuple) else outputs
    yield " × ".join(str(side) for side in first.shape[1:])


def drawn(nodes: dict[str, Node]) -> str:
    """The graph as SVG, the input at the top."""
    rows = _rows(nodes)
    columns = max(len(row) for row in rows)
    far = [
        (source, name)
        for name, node in nodes.items()
        for source in node.sources
        if _row_of(rows, name) - _row_of(rows, source) > 1
    ]
    width = columns * (WIDTH + GAP) + GAP + LANE * len(far)
    height = len(rows) * ROW + GAP
    places = {
        name: (
            (column + 0.5 + (columns - len(row)) / 2) * (WIDTH + GAP) + GAP / 2,
            GAP / 2 + index * ROW,
        )
        for index, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" font-family="sans-serif" font-size="12" text-anchor="middle">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    for name, node in nodes.items():
        for source in node.sources:
            lane = 1 + far.index((source, name)) if (source, name) in far else 0
            parts.append(_line(places[source], places[name], lane))
    for name, node in nodes.items():
        parts += _box(places[name], node.lines)
    return "\n".join([*parts, "</svg>", ""])


def _rows(nodes: dict[str, Node]) -> list[list[str]]:
    """The boxes by their longest way from the input; in a row, in the order of their sources."""
    depth: dict[str, int] = {}
    for name, node in nodes.items():
        depth[name] = 1 + max((depth[source] for source in node.sources), default=-1)
    rows = [
        [name for name in nodes if depth[name] == row] for row in range(max(depth.values()) + 1)
    ]
    for above, row in pairwise(rows):
        row.sort(key=lambda name: min(above.index(s) for s in nodes[name].sources if s in above))
    return rows


def _row_of(rows: list[list[str]], name: str) -> int:
    return next(index for index, row in enumerate(rows) if name in row)


def _line(start: tuple[float, float], end: tuple[float, float], lane: int) -> str:
    """From one box to another; past other rows in a lane of its own, counted from 1, beside them."""
    (x, y), (to_x, to_y) = (start[0], start[1] + HEIGHT), end
    middle = to_y - (ROW - HEIGHT) / 2
    path = f"M{x:g} {y:g} V{middle:g} H{to_x:g} V{to_y:g}"
    if lane:
        x, y = start[0] + WIDTH / 2, start[1] + HEIGHT / 2
        path = f"M{x:g} {y:g} H{x + LANE * lane:g} V{middle:g} H{to_x:g} V{to_y:g}"
    return f'<path d="{path}" fill="none" stroke="#667"/>'


def _box(place: tuple[float, float], lines: tuple[str, ...]) -> list[str]:
    x, y = place
    return [
        f'<rect x="{x - WIDTH / 2:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
        'fill="#eef3fa" stroke="#446"/>',
        f'<text x="{x:g}" y="{y + 15:g}">{html.escape(lines[0])}</text>',
        f'<text x="{x:g}" y="{y + 29:g}" fill="#557" font-size="10">{html.escape(lines[1])}</text>',
    ]


def main() -> None:
    """Draws all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, (make, shape) in DIAGRAMS.items():
        keras.utils.clear_session()
        (FOLDER / f"{name}.svg").write_text(drawn(graph(make(), shape)), encoding="utf-8")


if __name__ == "__main__":
    main()
