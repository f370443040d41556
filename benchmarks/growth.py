"""How time and peak memory grow with depth, resolution, batch, cardinality and scale.

    python -m benchmarks.growth [--quick] [--only CURVE …] [--train] [--threads 2]

Each point is a process of its own: `deploy(model).predict`, or with `--train` a training step. Writes
`growth.json`, `growth.md` and `growth.png` into `runs/bench/`. Beside the milliseconds stand the
network's multiply-accumulates, and the milliseconds for a billion of them: where those rise along a
curve, something grows faster than the arithmetic.
"""

import argparse
import io
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from matplotlib.figure import Figure

from benchmarks.rivals.process import EngineProcess


@dataclass(frozen=True)
class Point:
    """One network at one size.

    Attributes:
        curve: Name of what varies.
        value: Value of what varies.
        model: A network's name, or a free-form constructor's with `architecture`.
        size: The images' side.
        batch: Number of images a call.
        architecture: Arguments of the free-form constructor.
    """

    curve: str
    value: int
    model: str
    size: int = 224
    batch: int = 1
    architecture: Mapping[str, int | list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Growth:
    """What a point showed.

    Attributes:
        curve, value, model: The point's curve, value and model.
        milliseconds: Time of the fastest call.
        gmacs: Billions of multiply-accumulates a call, of the network as trained.
        peak_bytes: The most bytes that the process held.
    """

    curve: str
    value: int
    model: str
    milliseconds: float
    gmacs: float
    peak_bytes: int

    @property
    def milliseconds_a_gmac(self) -> float:
        return self.milliseconds / self.gmacs


def points() -> Iterator[Point]:
    for depth in (14, 26, 50, 101, 200, 269):
        yield Point("depth", depth, f"ResNeSt{depth}")
    for size in (128, 160, 224, 288, 352, 448):
        yield Point("resolution", size, "ResNeSt50", size=size)
    for batch in (1, 2, 4, 8, 16, 32, 64):
        yield Point("batch", batch, "ResNeXt50", batch=batch)
    depths = [3, 4, 6, 3]
    for cardinality in (1, 2, 4, 8, 16, 32, 64):
        # 128 channels in the first stage's groups whatever their number, as in the ResNeXt paper.
        architecture = {
            "depths": depths,
            "cardinality": cardinality,
            "width": 128 // cardinality,
        }
        yield Point("cardinality", cardinality, "ResNeXt", architecture=architecture)
    for scale in (2, 3, 4, 6, 8):
        architecture = {"depths": depths, "width": 26, "scale": scale}
        yield Point("scale", scale, "Res2Net", architecture=architecture)


def multiply_accumulates(point: Point) -> int:
    """Of one call, counted in the graph that TensorFlow traces."""
    import tensorflow as tf

    from benchmarks.rivals.engines.ours import network

    model = network(point.model, point.size, **point.architecture)
    images = tf.TensorSpec((point.batch, point.size, point.size, 3))
    total = 0
    for operator in tf.function(model).get_concrete_function(images).graph.get_operations():
        if operator.type in ("Conv2D", "MatMul"):
            total += math.prod(operator.outputs[0].shape) * math.prod(operator.inputs[1].shape[:-1])
        elif operator.type == "DepthwiseConv2dNative":
            total += math.prod(operator.outputs[0].shape) * math.prod(operator.inputs[1].shape[:2])
    return total


def measure(point: Point, *, calls: int, train: bool, threads: int, log: TextIO) -> Growth:
    """Times one point in a process of its own."""
    options = {
        "kind": "train" if train else "predict",
        "model": point.model,
        "size": point.size,
        "batch": point.batch,
        **({"dtype": "float32"} if train else {"batches": 1}),
        **point.architecture,
    }
    command = [sys.executable, "-m", "benchmarks.rivals.engines.ours"]
    with EngineProcess(command, threads=threads, log=log) as engine:
        engine.prepare(options)
        times = engine.run(calls)
    gmacs = multiply_accumulates(point) / 1e9
    return Growth(point.curve, point.value, point.model, min(times), gmacs, engine.peak_bytes)


def markdown(grown: Sequence[Growth], title: str) -> str:
    lines = [
        f"{title}. Milliseconds of the fastest call.",
        "",
        "| curve | value | network | ms | GMAC | ms / GMAC | peak memory, MB |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {one.curve} | {one.value} | {one.model} | {one.milliseconds:.1f} | {one.gmacs:.2f} "
        f"| {one.milliseconds_a_gmac:.1f} | {one.peak_bytes / 1e6:.0f} |"
        for one in grown
    ]
    return "\n".join(lines) + "\n"


def picture(grown: Sequence[Growth]) -> bytes:
    """A PNG: a panel a curve, each quantity relative to the curve's first point."""
    curves = list(dict.fromkeys(one.curve for one in grown))
    figure = Figure(figsize=(3.4 * len(curves), 3.2), layout="constrained")
    for axes, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        line = [one for one in grown if one.curve == curve]
        values = [one.value for one in line]
        for label, quantities in (
            ("time", [one.milliseconds for one in line]),
            ("MACs", [one.gmacs for one in line]),
            ("peak memory", [float(one.peak_bytes) for one in line]),
        ):
            axes.plot(values, [q / quantities[0] for q in quantities], "o-", label=label)
        axes.set(xscale="log", yscale="log", xlabel=curve, title=f"{curve}: {line[-1].model}")
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("relative to the first point")
    figure.axes[0].legend()
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    curves = list(dict.fromkeys(point.curve for point in points()))
    parser.add_argument("--quick", action="store_true", help="two calls a point, not ten")
    parser.add_argument("--train", action="store_true", help="training steps, not predictions")
    parser.add_argument("--only", nargs="+", choices=curves, default=curves, metavar="CURVE")
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="%(default)s")
    parser.add_argument("--output", type=Path, default=Path("runs/bench"), metavar="DIR")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # As in the engines: without it, grouped convolutions are merged, and more is counted.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    options.output.mkdir(parents=True, exist_ok=True)
    what = "training step" if options.train else "deploy(model).predict"
    grown = []
    with open(options.output / "growth.log", "w") as log:
        for point in points():
            if point.curve not in options.only:
                continue
            one = measure(
                point,
                calls=2 if options.quick else 10,
                train=options.train,
                threads=options.threads,
                log=log,
            )
            grown.append(one)
            print(f"{one.curve} {one.value}: {one.milliseconds:.1f} ms, {one.gmacs:.2f} GMAC")
            content = json.dumps([asdict(one) for one in grown], indent=2)
            (options.output / "growth.json").write_text(content)
            (options.output / "growth.md").write_text(markdown(grown, what))
            (options.output / "growth.png").write_bytes(picture(grown))
    print(f"\n{(options.output / 'growth.md').read_text()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
