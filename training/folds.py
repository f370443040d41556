"""Cross-validation: every training and validation photo measured by a network that did not see it.

Where there are few photos a tenth of them says little. The networks of the folds are for the estimate
alone; the run's own is trained as without them.
"""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import keras_resnets
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

from .cluster import Task
from .config import Config
from .reporting.evaluate import predict
from .reporting.metrics import Evaluation, evaluate
from .reporting.out_of_fold import OutOfFold, folds_of, groups_of
from .run.folder import BEST, FOLDS, FOLDS_EVALUATION, RunFolder

POOL = ("train", "validation")
VALIDATION = 9  # parts of what a fold learns from, one of which validates: a tenth of all, about
NAMES = np.array(["train", "validation", "test"])

Array = np.ndarray[Any, Any]


def check(config: Config, data: ImageData, task: Task) -> None:
    """Refuses photos that cannot be divided into the folds.

    Raises:
        UserError: For those, and for several machines.
    """
    if not config.folds:
        return
    if data.multi_label or task.count > 1:
        found = "several machines" if task.count > 1 else "any number of labels"
        raise UserError(
            "Expected --folds on one machine, with photos of one class each. "
            f"Received: {found}. Leave --folds out."
        )
    labels, groups = groups_of(data, POOL)
    fewest = min(len(np.unique(groups[labels == label])) for label in range(len(data.class_names)))
    if fewest < config.folds:
        raise UserError(
            f"Expected at least {config.folds} different training and validation photos of each class "
            f"for --folds {config.folds}. Received: a class with {fewest}. Add photos, or give fewer "
            "folds, 2 or more."
        )
    learned_from = len(labels) * (1 - 1 / config.folds) * (1 - 1 / VALIDATION)
    if "batch_size" not in config.auto and config.batch_size > learned_from:
        raise UserError(
            f"Expected a batch_size of at most the {int(learned_from)} photos that a fold learns from. "
            f"Received: batch_size={config.batch_size}."
        )


def cross_validate(
    folds: int,
    folder: RunFolder,
    data: ImageData,
    train: Callable[[RunFolder, ImageData], object],
    config: Config,
) -> Evaluation:
    """Trains a network for each fold on the others, and measures all of them together.

    A fold that is done is kept as `folds/N.npz` until all are, so that a run that was killed goes on
    with the next one, and within it at its last checkpoint.

    Args:
        folds: Number of folds.
        folder: Folder of the run.
        data: The run's images. Those of the test split take no part.
        train: Trains on some images into a folder, from where it stopped before.
        config: The config of a fold.
    """
    labels, groups = groups_of(data, POOL)
    fold_of = folds_of(labels, groups, folds)
    parts = []
    for fold in range(folds):
        kept = folder.path / "folds" / f"{fold + 1}.npz"
        if kept.is_file():
            part = OutOfFold.load(kept)
            if part.digest == data.digest:
                parts.append(part)
                continue
        print(f"Fold {fold + 1} of {folds}")
        own = RunFolder.open(kept.with_suffix(""), config)
        with own:
            images = _of_fold(data, labels, groups, fold_of == fold)
            train(own, images)
            part = _held_out(own, images, config, data, fold_of == fold)
        part.save(kept)
        shutil.rmtree(own.path)
        parts.append(part)
    found = _together(parts)
    result = evaluate(found.probabilities, found.labels, data.class_names, "out-of-fold")
    found.save(folder / FOLDS)
    result.save(folder / FOLDS_EVALUATION)
    shutil.rmtree(folder / "folds")
    return result


def _of_fold(data: ImageData, labels: Array, groups: Array, held: Array) -> ImageData:
    """The images of a fold: those held out are its test split, and of the rest some validate."""
    parts = np.zeros(len(labels), int)
    parts[held] = 2
    rest = ~held
    fewest = int(np.unique(labels[rest], return_counts=True)[1].min())
    # Of a class with one photo left that one is learned from, if the draw is kind.
    strata = labels[rest] if fewest > 1 else np.zeros_like(labels[rest])
    parts[rest] = folds_of(strata, groups[rest], min(VALIDATION, max(fewest, 2))) == 0
    split_of = tf.constant(NAMES[parts])

    def source(split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        first, second = (data.examples(name, decode=False) for name in POOL)
        return (
            first.concatenate(second)
            .enumerate()
            .filter(lambda index, _: split_of[index] == split)
            .map(lambda _, example: example)
        )

    digest = hashlib.sha256(repr((data.digest, parts.tolist())).encode()).hexdigest()
    return dataclasses.replace(
        data,
        sizes={name: int((NAMES[parts] == name).sum()) for name in NAMES.tolist()},
        source=source,
        counts={
            name: tuple(
                np.bincount(labels[NAMES[parts] == name], minlength=len(data.class_names)).tolist()
            )
            for name in NAMES.tolist()
        },
        origins={},
        photos={},
        test_is_validation=False,
        digest=digest,
    )


def _held_out(
    own: RunFolder, images: ImageData, config: Config, data: ImageData, held: Array
) -> OutOfFold:
    """What the network of a fold says of the photos that it did not see."""
    network, card = keras_resnets.open_model(own / BEST)
    found = predict(network, card, images, "test")
    places = [(split, place) for split in POOL for place in range(data.sizes[split])]
    names, positions = zip(*(places[index] for index in np.flatnonzero(held)), strict=True)
    return OutOfFold(names, np.array(positions), found.labels, found.probabilities, data.digest)


def _together(parts: list[OutOfFold]) -> OutOfFold:
    return OutOfFold(
        tuple(split for part in parts for split in part.splits),
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        parts[0].digest,
    )
