"""Files for other runtimes: made, run on the test images, compared with Keras."""

import dataclasses
import importlib
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_resnets._common.console import progress, ticking
from keras_resnets._common.files import check_writable
from keras_resnets._common.tables import size, table
from keras_resnets.data import ImageData, evaluation_batches

from ..quantize.ranges import pixels_of
from ..trained import TrainedModel
from ..verify.compare import Probabilities
from . import RUNTIMES
from .served import served_model

BATCH = 32
RUNS = 20  # of one image, for the latency

Function = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Exported:
    """One file, or one folder.

    Attributes:
        path: Where it is.
        bytes: Its size in bytes, with all that belongs to it.
        run: What it computes, from pixels to probabilities, by its own runtime.
    """

    path: Path
    bytes: int
    run: Function


def export(
    trained: TrainedModel, runtimes: Sequence[str], folder: Path, *, force: bool
) -> list[Exported]:
    """Writes a model for some runtimes, and opens each file by its own.

    Args:
        trained: The trained model.
        runtimes: Keys of `RUNTIMES`.
        folder: Where the files go.
        force: Whether files that exist may be replaced.

    Raises:
        UserError: Where files are in the way, or the model is no classifier that can be deployed.
        ModuleNotFoundError: Where a runtime is not installed.
    """
    modules: dict[str, Any] = {
        name: importlib.import_module(f".{name}", __package__) for name in runtimes
    }
    name = trained.card.architecture
    paths = {runtime: folder / f"{name}{RUNTIMES[runtime]}" for runtime in runtimes}
    check_writable(folder, paths.values(), force=force)
    model = served_model(trained)
    exported = []
    for runtime, path in paths.items():
        # Aside, under the name that it will have: OpenVINO's pair of files is named so.
        aside = folder / f".{runtime}.aside" / path.name
        shutil.rmtree(aside.parent, ignore_errors=True)
        aside.parent.mkdir()
        try:
            with ticking(f"{path.name},"):
                modules[runtime].write(model, trained.card, aside)
            count = _bytes(aside.parent)
            for part in sorted(aside.parent.iterdir()):
                _replace(part, folder / part.name)
        finally:
            shutil.rmtree(aside.parent, ignore_errors=True)
        exported.append(Exported(path, count, modules[runtime].opened(path)))
    return exported


def compared(
    trained: TrainedModel,
    exported: Sequence[Exported],
    data: ImageData,
    *,
    split: str,
    limit: int | None,
) -> str:
    """A table of what each file says of the same images, beside Keras.

    Args:
        trained: The trained model.
        exported: Its files.
        data: Source of the images.
        split: Name of the split to read.
        limit: Number of images at most, rounded up to whole batches; `None` for all.
    """
    preprocessing = trained.card.preprocessing
    count = -(-min(limit or data.sizes[split], data.sizes[split]) // BATCH)
    batches = evaluation_batches(data, split, preprocessing, BATCH).take(count)
    labels: list[np.ndarray] = []
    answers: dict[str, list[np.ndarray]] = {"Keras": [], **{one.path.name: [] for one in exported}}
    for images, truth in progress(batches.as_numpy_iterator(), "comparing, batch", count):
        labels.append(truth)
        answers["Keras"].append(trained.probabilities(images))
        pixels = pixels_of(images, preprocessing)
        for one in exported:
            answers[one.path.name].append(one.run(pixels))
    keras, *others = (np.concatenate(parts) for parts in answers.values())
    names = [one.path.name for one in exported]
    found = Probabilities(np.concatenate(labels), keras, dict(zip(names, others, strict=True)))
    return _table(found, exported, preprocessing.shape)


def _table(found: Probabilities, exported: Sequence[Exported], shape: tuple[int, int]) -> str:
    rows = [["Keras", f"{found.accuracy(found.reference):.2%}", "", "", "", ""]]
    for one in exported:
        name = one.path.name
        rows.append(
            [
                name,
                f"{found.accuracy(found.others[name]):.2%}",
                f"{found.agreement(name):.2%}",
                f"{found.largest_difference(name):.2g}",
                size(one.bytes),
                f"{_median_ms(one.run, shape):.2f} ms",
            ]
        )
    return table(["", "top-1", "agrees", "differs by", "size", "median"], rows)


def _median_ms(run: Function, shape: tuple[int, int]) -> float:
    """The median time of one image, by all threads that the runtime takes."""
    pixels = np.zeros((1, *shape, 3), "uint8")
    times = []
    for _ in range(RUNS + 3):
        start = time.perf_counter()
        run(pixels)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[3:]))


def _replace(new: Path, old: Path) -> None:
    if old.is_dir():
        shutil.rmtree(old)
    new.replace(old)


def _bytes(folder: Path) -> int:
    return sum(part.stat().st_size for part in folder.rglob("*") if part.is_file())
