"""What a phone file costs that normalises pixels and makes probabilities, beside the host doing so.

    python -m benchmarks.phone_inputs [--model ResNeSt50 …] [--size 224] [--rounds 100]

From bytes of RGB to probabilities, both ways in turns: the default file, and the one of `--input
normalised --logits` with NumPy's arithmetic around it. On one thread, in seconds of its work, so that
other programs count for little. Weights are drawn: they do not change the time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import keras_resnets
from benchmarks.timing import take_turns
from keras_resnets._common.tables import table
from keras_resnets.card import Card, class_names
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.export import Exporter, Options
from tflite.convert.keras_model import Input
from tflite.file.runtime import Runner, is_accelerated
from tflite.formats import FLOAT16, FLOAT32, INT8, NumberFormat
from tflite.trained import TrainedModel
from tflite.use.classifier import applied

FORMATS = (FLOAT32, FLOAT16, INT8)
FAMILIES = ("ResNeXt50", "SEResNeXt50", "ResNeSt50", "Res2Net50_26w_4s", "ReXNet100")
PROMISED = 1.02


def exporter(trained: TrainedModel, takes: Input, *, logits: bool) -> Exporter:
    """Of a model, with random pixels to calibrate with."""
    options = Options(input=takes, gives_logits=logits, calibration_method="min-max")
    made = Exporter(trained, None, options)
    preprocessing = trained.card.preprocessing
    shape = (10, 1, *preprocessing.shape, 3)
    pixels = np.random.default_rng(0).integers(256, size=shape, dtype="uint8")
    made.calibration = list(pixels if options.takes_pixels else preprocessing.normalize(pixels))
    return made


def ways(
    trained: TrainedModel, exporters: tuple[Exporter, Exporter], format: NumberFormat
) -> dict[str, Callable[[], object]]:
    """Both ways from pixels to probabilities."""
    preprocessing = trained.card.preprocessing
    shape = (1, *preprocessing.shape, 3)
    pixels = np.random.default_rng(1).integers(256, size=shape, dtype="uint8")
    contents = [one.file(format) for one in exporters]
    for content in contents:
        assert is_accelerated(content), format.name
    inside, outside = (Runner(content) for content in contents)

    def on_the_host() -> np.ndarray:
        return applied("softmax", outside(preprocessing.normalize(pixels)))

    return {"inside": lambda: inside(pixels), "on the host": on_the_host}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", default=FAMILIES, metavar="NAME")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    preprocessing = Preprocessing(size=options.size)
    rows = []
    for name in options.model:
        shape = (options.size, options.size, 3)
        model = keras_resnets.create_model(name, weights=None, input_shape=shape)
        trained = TrainedModel(model, Card(name, class_names(1000), preprocessing), Path())
        exporters = (
            exporter(trained, "uint8", logits=False),
            exporter(trained, "normalised", logits=True),
        )
        for format in FORMATS:
            calls = ways(trained, exporters, format)
            times = take_turns(calls, rounds=options.rounds, warm_up=10, clock=time.thread_time)
            inside, outside = times["inside"], times["on the host"]
            rows.append(
                [
                    name,
                    format.name,
                    f"{inside.median:.2f}",
                    f"{outside.median:.2f}",
                    f"{inside.median / outside.median:.3f}",
                    f"{inside.lowest / outside.lowest:.3f}",
                ]
            )
    header = [
        "",
        "",
        "inside, ms",
        "on the host, ms",
        f"ratio (promised {PROMISED})",
        "of the lowest",
    ]
    print(table(header, rows, left=2))


if __name__ == "__main__":
    main()
