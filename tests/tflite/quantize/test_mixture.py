"""Mixed precision: the layers that cost accuracy go back to float32, no others."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tflite.cli import main
from tflite.convert.export import Exporter
from tflite.file.inspection import inspect
from tflite.file.runtime import Runner
from tflite.formats import MIXED
from tflite.quantize.mixture import Mixture, find_mixture
from tflite.quantize.observing import observe
from tflite.quantize.quantizer import quantize
from tflite.quantize.ranges import Range, choose_ranges

LAYERS = ("normalize", "stem", "stage1_block1", "stage2_block1", "avg_pool", "predictions")


@pytest.fixture(scope="module")
def case(exporter: Exporter) -> tuple[bytes, dict[str, Range], np.ndarray, np.ndarray]:
    """A float model, ranges that spoil one block of it, images, and what the model says of them."""
    model, images = exporter.float_model, exporter.calibration
    ranges = choose_ranges(observe(model, images), "min-max")
    spoiled = {
        name: Range(low / 50, high / 50) if name.startswith("stage2_block1/") else Range(low, high)
        for name, (low, high) in ranges.items()
    }
    stacked = np.concatenate(images)
    return model, spoiled, stacked, Runner(model)(stacked).argmax(-1)


def test_finds_the_spoiled_block(case) -> None:
    model, spoiled, images, labels = case

    made: dict[tuple[str, ...], bytes] = {}

    def build(float_layers: Sequence[str]) -> bytes:
        key = tuple(float_layers)
        if key not in made:
            made[key] = quantize(model, MIXED, spoiled, float_layers=float_layers)
        return made[key]

    mixture = find_mixture(model, LAYERS, build, images, labels, max_drop=5)
    assert mixture.float_layers == ("stage2_block1",)
    assert mixture.drops[0] > 5 >= mixture.drops[1]
    allowed = mixture.drops[1]  # a loss of exactly as much is allowed
    assert find_mixture(model, LAYERS, build, images, labels, max_drop=allowed) == mixture
    assert "with stage2_block1 in float32 it loses" in str(mixture)
    mixed = inspect(build(mixture.float_layers), LAYERS)
    assert mixed.partitions == 1
    types = {op.layer: op.types for op in mixed.operators if op.kind == "CONV_2D"}
    assert types["stage2_block1"] == ("float32",)
    assert types["stage1_block1"] == ("int8",)


def test_leaves_what_is_good_enough(case) -> None:
    model, _, images, labels = case
    mixture = find_mixture(model, LAYERS, lambda _: model, images, labels, max_drop=0)
    assert mixture == Mixture((), (0.0,))


def test_export_with_a_drop_that_cannot_be_met(
    run: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    arguments = ["--quantize", "int8", "--max-drop", "-1", "--output", str(tmp_path)]
    assert main(["export", str(run), *arguments]) == 0
    assert (tmp_path / "ResNeSt.mixed.tflite").is_file()
    assert "in float32 it loses 0.00" in capfd.readouterr().err
