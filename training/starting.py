"""What a run is where photos are named and no recipe: which network, from which weights, by what recipe.

Light to import: what cannot begin is refused before TensorFlow is loaded.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import keras_resnets
from keras_resnets.card import Card, card_path, find_model
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.weights import (
    Checkpoint,
    DownloadError,
    checkpoints,
    default_checkpoint,
    download,
    is_shared,
    registered_checkpoint,
)
from keras_resnets.weights.registry import IMAGENET_CLASSES

from . import recipe
from .config import NO_WEIGHTS
from .run.folder import is_run, read_config

# Accuracy and cost of each: docs/photos.md.
SIZES = {"small": "ReXNet100", "medium": "ReXNet150", "large": "ReXNetR200"}
FROM_WEIGHTS, FROM_SCRATCH = "photos", "photos_from_scratch"
IMAGENET = "imagenet"
# The recipe for int8, and what of the other run's configuration stays.
INT8 = "int8"
INT8_KEEPS = (
    *("model", "data", "preprocessing", "augmentation", "batch_size", "label_smoothing"),
    *("seed", "deterministic", "distribution", "coverage"),
)


class FromScratchWarning(UserWarning):
    """A network has no public weights to start from."""


def recipe_of(model: str | None, weights: str | None) -> dict[str, Any]:
    """The keys and values of the recipe for a start, with the network, its weights, its preprocessing.

    Args:
        model: The network, the small one by default.
        weights: `"none"`; `"imagenet"`, the default where there are such; a tag; a run folder or a
            `.keras` file of ours, whose network is taken too; or another file.

    Raises:
        UserError: For a folder that is no run.
    """
    if weights is not None and is_ours(weights):
        return _from_run(file_of(weights), model)
    name = model or SIZES["small"]
    has_imagenet = _has_imagenet(name)
    if weights is None and not has_imagenet:
        if _is_network(name):
            warnings.warn(
                f"There are no ImageNet weights of {name}: it starts from scratch, which takes "
                f"many more photos. --size {', '.join(SIZES)} names networks that have some.",
                FromScratchWarning,
                stacklevel=2,
            )
        weights = NO_WEIGHTS
    if weights == NO_WEIGHTS:
        return _recipe(FROM_SCRATCH, {"name": name, "weights": None})
    values = _recipe(FROM_WEIGHTS, {"name": name, "weights": weights or IMAGENET})
    checkpoint = registered(name, weights or IMAGENET)
    if checkpoint is None and has_imagenet:
        checkpoint = default_checkpoint(_full_name(name))
    if checkpoint is not None:
        values["preprocessing"] = checkpoint.preprocessing.to_dict()
    return values


def for_int8(run: str) -> dict[str, Any]:
    """The keys and values of a run that goes on with another's network, to learn its int8 form.

    Args:
        run: Folder of the run.

    Raises:
        UserError: Where it is no run folder, or learned that already.
    """
    begun = read_config(Path(run))
    if begun.quantize:
        raise UserError(
            f"Expected a run in floating point to go on from. Received: {run}, which was trained "
            f"for {begun.quantize}. Export it: keras-resnets export {run} --quantize int8."
        )
    kept = begun.model_dump(mode="json", include={*INT8_KEEPS})
    values = {**kept, **recipe.read(recipe.find(INT8))}
    network = {"weights": os.fspath(file_of(run)), "freeze": 0}
    return {**values, "model": {**kept["model"], **network}}


def file_of(weights: str) -> Path:
    """The file of weights of ours, by a path that a run finds again wherever it goes on.

    Raises:
        MissingFile: Where there is none.
    """
    return find_model(weights).resolve()


def is_ours(weights: str) -> bool:
    """Whether weights name their network: a run, a `.keras` file with its card, a model on the hub."""
    path = Path(weights)
    return (
        is_shared(weights)
        or path.is_dir()
        or (path.suffix == ".keras" and card_path(path).is_file())
    )


def registered(model: str, weights: str) -> Checkpoint | None:
    """The public checkpoint that weights stand for; `None` for a file, and of an unknown network.

    Raises:
        UserError: For a tag that is none of the network's.
    """
    if not _is_network(model):
        return None
    return registered_checkpoint(_full_name(model), weights)


def provenance_of(model: str, weights: str | None) -> dict[str, str]:
    """What is known of weights that a run begins with, by keyword: `weights` and their `licence`.

    Args:
        model: The network.
        weights: `None` for random ones, of which there is nothing to say; `"imagenet"`, a tag, or a
            file, whose card says what it began with itself.
    """
    if weights is None:
        return {}
    checkpoint = registered(model, weights)
    if checkpoint is not None:
        return {"weights": checkpoint.name, "licence": checkpoint.licence}
    before = Card.load(weights).provenance if card_path(weights).is_file() else None
    if before is None:
        return {"weights": Path(weights).name, "licence": "unknown"}
    # What began with random weights is its owner's, and has no other licence.
    inherited = {"licence": before["licence"]} if "licence" in before else {}
    return {"weights": before.get("weights", Path(weights).name), **inherited}


def fetch(model: str, weights: str | None) -> None:
    """Brings public weights here, if they are not yet, before anything else is done.

    Args:
        model: The network; of an unknown one nothing is fetched.
        weights: `None` for random ones, `"imagenet"`, a tag, or a file.

    Raises:
        MissingFile: For a file that is not there.
        UserError: Where a download fails, with the ways to do without.
    """
    if weights is None or not _is_network(model):
        return
    checkpoint = registered(model, weights)
    if checkpoint is None:
        if not Path(weights).is_file():
            raise MissingFile(f"Expected the file of model.weights. Received: no file {weights}.")
        return
    try:
        download(checkpoint.source)
    except DownloadError as error:
        raise UserError(
            f"{error.reason} Train from scratch by --weights none; from a file that was fetched "
            f"elsewhere by --weights FILE, or a copy of the hub's cache in HF_HOME; or from another "
            "run, of any machine, by --weights RUN."
        ) from error


def _from_run(file: Path, model: str | None) -> dict[str, Any]:
    """The recipe for the network in a file of ours."""
    card = Card.load(file)
    network: dict[str, Any] = {"name": card.architecture}
    if is_run(file.parent):
        network["arguments"] = read_config(file.parent).model.arguments
    if model is not None and model != card.architecture:
        raise UserError(
            f"Expected the network of {file}, {card.architecture}, or no --model and no --size. "
            f"Received: {model}."
        )
    values = _recipe(FROM_WEIGHTS, {**network, "weights": os.fspath(file)})
    return {**values, "preprocessing": card.preprocessing.to_dict()}


def _recipe(name: str, network: dict[str, Any]) -> dict[str, Any]:
    values = recipe.read(recipe.find(name))
    return {**values, "model": {**values.get("model", {}), **network}}


def _has_imagenet(model: str) -> bool:
    return _is_network(model) and any(
        checkpoint.classes == IMAGENET_CLASSES for checkpoint in checkpoints(_full_name(model))
    )


def _full_name(model: str) -> str:
    """Our name of a network, which may be timm's or a family's."""
    families = keras_resnets.list_families()
    return model if model in families else keras_resnets.model_info(model).name


def _is_network(name: str) -> bool:
    try:
        _full_name(name)
    except UserError:
        return False
    return True
