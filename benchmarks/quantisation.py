"""What int8 loses, by each way to it: top-1 beside float32 on the same photos, with McNemar's test.

    python -m benchmarks.quantisation RUN [--trained RUN_FOR_INT8] [--split test] [--images 10000]
    python -m benchmarks.quantisation RUN --draws 12

Every way gets the same 200 calibration images of the training split and one XNNPACK thread. `lost` are
the photos that float32 has right and int8 wrong, `gained` those the other way round; `p` is the
probability of a difference as large between two that are equally good (McNemar, 1947, exact). For int4
the weights alone are rounded, layer by layer: what is lost there, int4 loses at the least.

With `--draws` the files are float32 and what `min-max` and `best` make of each of so many draws of 200
images, no image in two. Which images a way is shown changes which photos it loses: what it loses on
average is told with the 95 % interval of that mean (Student's t over the draws).
"""

import argparse
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import binomtest, t

from keras_resnets._common.console import progress
from keras_resnets._common.tables import size, table
from keras_resnets.data import ImageData, evaluation_batches
from tflite.convert.export import BEST, Exporter, Options
from tflite.file.runtime import Runner
from tflite.formats import FLOAT32, INT8
from tflite.quantize.layerwise import kernels_by_layer, with_kernels
from tflite.quantize.observing import observe
from tflite.quantize.plan import Plan, best_plan
from tflite.quantize.ranges import pixels_of
from tflite.trained import images_of, load

BATCH = 100
INT4 = 7  # the largest weight of 4 bits, which is symmetric
PLAIN = Options(calibration_method="min-max", gives_logits=True, input="normalised")
# The quantiser alone, whole in integers as it comes; ours, on the way to its best.
WAYS = {
    "TensorFlow": dataclasses.replace(PLAIN, quantizer="tensorflow"),
    "AI Edge, min-max": dataclasses.replace(PLAIN, integer_io=True),
    "ends in float32": dataclasses.replace(PLAIN, input="uint8"),
    "best": Options(calibration_method=BEST, gives_logits=True),
}


@dataclasses.dataclass(frozen=True)
class File:
    """A file and what it takes.

    Attributes:
        way: How it was made.
        content: The file's bytes, to logits.
        takes_pixels: Whether it takes uint8 pixels, and not normalised images.
    """

    way: str
    content: bytes
    takes_pixels: bool


def files(run: Path, trained: Path | None) -> Iterator[File]:
    """The float32 file of a run, and the int8 one by every way."""
    network = load(run)
    data = images_of(network.card, {})
    for way, options in WAYS.items():
        exporter = Exporter(network, data, options)
        if way == BEST:
            yield File("float32", exporter.file(FLOAT32), True)
        content = exporter.file(INT8)
        label = f"{way}: {exporter.plan(INT8)}" if way == BEST else way
        yield File(label, content, options.takes_pixels)
        if way == BEST:
            kernels = kernels_by_layer(exporter.float_model, exporter.calibration, INT4)
            yield File("int4 weights", with_kernels(exporter.float_model, kernels, ()), True)
    if trained is not None:
        exporter = Exporter(load(trained), data, WAYS[BEST])
        yield File("trained for int8", exporter.file(INT8), True)


def files_by_draw(run: Path, draws: int) -> Iterator[File]:
    """The float32 file of a run, and int8 ones by min-max and by `best`, from each draw of images."""
    network = load(run)
    options = dataclasses.replace(
        WAYS[BEST], calibration_images=draws * WAYS[BEST].calibration_images
    )
    exporter = Exporter(network, images_of(network.card, {}), options)
    exact = exporter.float_model
    yield File("float32", exact, True)
    for draw in range(draws):
        images = exporter.calibration[draw::draws]
        plain = Plan(exact, observe(exact, images))
        yield File(f"min-max {draw}", plain.file(INT8), True)
        yield File(f"{BEST} {draw}", best_plan(plain, images).file(INT8), True)


def answers(
    made: list[File], run: Path, data: ImageData, split: str, limit: int | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The labels of a split, and the class that every file names of each photo."""
    preprocessing = load(run).card.preprocessing
    count = -(-min(limit or data.sizes[split], data.sizes[split]) // BATCH)
    batches = evaluation_batches(data, split, preprocessing, BATCH).take(count)
    runners = {file.way: (Runner(file.content), file.takes_pixels) for file in made}
    labels: list[np.ndarray] = []
    named: dict[str, list[np.ndarray]] = {way: [] for way in runners}
    for images, truth in progress(batches.as_numpy_iterator(), "photos, batch", count):
        labels.append(truth)
        pixels = pixels_of(images, preprocessing)
        for way, (runner, takes_pixels) in runners.items():
            named[way].append(runner(pixels if takes_pixels else images).argmax(-1))
    return np.concatenate(labels), {way: np.concatenate(parts) for way, parts in named.items()}


def mcnemar(lost: int, gained: int) -> float:
    """Probability of a difference as large, were both files equally good.

    Example:
        >>> round(mcnemar(12, 3), 3), mcnemar(4, 4), mcnemar(0, 0)
        (0.035, 1.0, 1.0)
    """
    return float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--trained", type=Path, help="the run that went on from it for int8")
    parser.add_argument("--split", default="test")
    parser.add_argument("--images", type=int, help="at most; all of the split by default")
    parser.add_argument("--draws", type=int, help="of 200 calibration images each")
    arguments = parser.parse_args()

    if arguments.draws is not None and arguments.draws < 2:
        parser.error(f"--draws needs two or more, for an interval; received {arguments.draws}")
    data = images_of(load(arguments.run).card, {})
    if data is None:
        parser.error(f"{arguments.run} names no images")
    by_draw = arguments.draws is not None
    made = list(
        files_by_draw(arguments.run, arguments.draws)
        if by_draw
        else files(arguments.run, arguments.trained)
    )
    labels, named = answers(made, arguments.run, data, arguments.split, arguments.images)
    print(f"{len(labels)} photos of {data.name}, {arguments.split} split")
    print(lost_on_average(labels, named) if by_draw else each_way(made, labels, named))


def each_way(made: list[File], labels: np.ndarray, named: dict[str, np.ndarray]) -> str:
    """A row a file: what it has right, what it loses and gains beside float32, its size and time."""
    exact = named["float32"] == labels
    rows = []
    for file in made:
        right = named[file.way] == labels
        lost, gained = int((exact & ~right).sum()), int((right & ~exact).sum())
        same = float(np.mean(named[file.way] == named["float32"]))
        rows.append(
            [
                file.way,
                f"{100 * right.mean():.2f}",
                str(lost),
                str(gained),
                f"{mcnemar(lost, gained):.2f}",
                f"{100 * same:.2f}",
                size(len(file.content)),
                f"{Runner(file.content).median_ms():.3f}",
            ]
        )
    return table(["way", "top-1", "lost", "gained", "p", "same", "size", "ms"], rows)


def lost_on_average(labels: np.ndarray, named: dict[str, np.ndarray]) -> str:
    """A row a way: the points that it loses on average over the draws, and by each draw."""
    right = {way: 100 * float(np.mean(classes == labels)) for way, classes in named.items()}
    exact = right.pop("float32")
    rows = []
    for name in ("min-max", BEST):
        lost = np.array([exact - value for way, value in right.items() if way.startswith(name)])
        reach = t.ppf(0.975, len(lost) - 1) * lost.std(ddof=1) / np.sqrt(len(lost))
        each = " ".join(f"{points:.2f}" for points in lost)
        rows.append([name, f"{lost.mean():.3f} ± {reach:.3f}", each])
    return table([f"float32: {exact:.2f}", "points lost", "by each draw"], rows)


if __name__ == "__main__":
    main()
