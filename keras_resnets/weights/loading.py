"""What the argument `weights` of a constructor means."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_resnets.weights.hub import download
from keras_resnets.weights.porting import Convert, adapt_channels, port, to_keras_layout
from keras_resnets.weights.reading import KERAS_FILES, TORCH_FILES, keras_key, read_tensors
from keras_resnets.weights.registry import Checkpoint, default_checkpoint, find_checkpoint
from keras_resnets.weights.warning import warn_caller

if TYPE_CHECKING:
    import keras

BIAS = "predictions/bias"
CLASSIFIER = ("predictions/kernel", BIAS)

Weights = str | os.PathLike[str] | None


class FreshHeadWarning(UserWarning):
    """The classifier kept its random start: it has another number of classes than the checkpoint."""


class LicenceWarning(UserWarning):
    """The licence of a checkpoint is unknown, or does not allow commercial use."""


def registered_checkpoint(variant: str, weights: Weights) -> Checkpoint | None:
    """The registry's entry that `weights` stands for; `None` for `None` and for a path.

    Raises:
        ValueError: for an unknown tag, or `"imagenet"` where there is none.
    """
    if weights is None or _is_path(weights):
        return None
    if weights == "imagenet":
        return default_checkpoint(variant)
    return find_checkpoint(variant, os.fspath(weights))


def load_checkpoint(
    model: "keras.Model",
    variant: str,
    weights: Weights,
    *,
    key_of: Callable[[str], str],
    top: Sequence[str] = (),
) -> Checkpoint | None:
    """Loads weights into a model of a variant: all of them, or none and an error.

    A model without a classifier leaves the checkpoint's aside. A classifier of another number of
    classes keeps its random start, with a `FreshHeadWarning`. A first convolution of another number
    of channels than 3 is adapted as `adapt_channels` says.

    Args:
        model: a flat functional model of the variant.
        variant: the constructor's name, such as `"ResNeXt50"`.
        weights: `None`, `"imagenet"`, a tag, or the path of a `.safetensors` or `.pth` file with
            the keys of timm, or of a `.weights.h5` or `.keras` file of the same variant.
        key_of: maps the path of a variable to its key in timm's checkpoints.
        top: paths of further variables that a model with `include_top=False` lacks.

    Returns:
        The registry's entry, or `None` for `None` and for a path.

    Raises:
        ValueError: for weights that are unknown, broken or do not fit.
        FileNotFoundError: for a path where there is no file.
        DownloadError: for a download that fails.
    """
    if weights is None:
        return None
    checkpoint = registered_checkpoint(variant, weights)
    if checkpoint is None:
        path = Path(weights)
    else:
        _warn_of_licence(checkpoint)
        path = download(checkpoint.source)
    tensors = read_tensors(path)
    if path.name.endswith(KERAS_FILES):
        _load(model, tensors, keras_key, top, convert=lambda tensor, _: tensor, channel_axis=2)
    else:
        _load(model, tensors, key_of, top, convert=to_keras_layout, channel_axis=1)
    return checkpoint


def _load(
    model: "keras.Model",
    tensors: dict[str, np.ndarray],
    key_of: Callable[[str], str],
    top: Sequence[str],
    *,
    convert: Convert,
    channel_axis: int,
) -> None:
    first = next(v for v in model.weights if len(v.shape) == 4)
    kernel = tensors.get(key_of(first.path))
    channels = first.shape[2]
    if kernel is not None and kernel.ndim == 4 and kernel.shape[channel_axis] == 3 != channels:
        adapted = adapt_channels(kernel, channels, axis=channel_axis)
        tensors = tensors | {key_of(first.path): adapted}

    present = {v.path: v for v in model.weights}
    bias = tensors.get(key_of(BIAS))
    fresh = bias is not None and BIAS in present and present[BIAS].shape != bias.shape
    without = [p for p in (*CLASSIFIER, *top) if p not in present or (fresh and p in CLASSIFIER)]
    port(model, tensors, key_of, convert=convert, without=without)
    if bias is not None and fresh:
        warn_caller(
            f"The classifier of {model.name} has {present[BIAS].shape[0]} classes, the "
            f"checkpoint's {bias.size}: its weights start at random and must be trained.",
            FreshHeadWarning,
        )


def _is_path(weights: str | os.PathLike[str]) -> bool:
    if isinstance(weights, os.PathLike):
        return True
    return weights.endswith((*TORCH_FILES, *KERAS_FILES)) or any(c in weights for c in "/\\")


def _warn_of_licence(checkpoint: Checkpoint) -> None:
    if not checkpoint.permissive:
        warn_caller(
            f"The licence of {checkpoint.name} is {checkpoint.licence!r}: make sure that your use "
            "is allowed.",
            LicenceWarning,
        )
