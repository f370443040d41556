"""What the argument `weights` of a constructor means."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_resnets.errors import UserError
from keras_resnets.weights.hub import download
from keras_resnets.weights.porting import (
    adapt_channels,
    port,
    ported,
    to_keras_layout,
    without_prefix,
)
from keras_resnets.weights.reading import (
    TensorFile,
    is_weights_file,
    keras_key,
    read_tensor_file,
)
from keras_resnets.weights.registry import Checkpoint, default_checkpoint, find_checkpoint
from keras_resnets.weights.shared import fetch_shared, is_shared
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

    Args:
        variant: The constructor's name, such as `"ResNeXt50"`.
        weights: What the constructor takes: `None`, `"imagenet"`, a tag, or the path of a file.

    Raises:
        ValueError: For an unknown tag, or `"imagenet"` where there is none.

    Example:
        >>> registered_checkpoint("ResNeXt50", "a1h_in1k").name
        'resnext50_32x4d.a1h_in1k'
        >>> registered_checkpoint("ResNeXt50", "runs/mine/best.keras")
    """
    if weights is None or _is_path(weights):
        return None
    if weights == "imagenet":
        return default_checkpoint(variant)
    return find_checkpoint(variant, os.fspath(weights))


class InitialWeights:
    """What a network starts from: nothing, a registered checkpoint, or a file.

    Args:
        variant: The constructor's name, such as `"ResNeXt50"`.
        weights: What to load: `None`, `"imagenet"`, a tag, or the path of a file that
            `read_tensor_file` reads: with the keys of timm, or Keras' own of the same variant.
        key_of: A function from the path of a variable to its key in timm's checkpoints.

    Attributes:
        checkpoint: The registry's entry, or `None` for `None` and for a path.

    Raises:
        UserError: For an unknown tag, or `"imagenet"` where there is none.

    Example:
        >>> import keras_resnets, tempfile
        >>> model = keras_resnets.ResNeXt(depths=(1,), planes=8, classes=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(f"{folder}/mine.weights.h5")
        ...     initial = InitialWeights("ResNeXt", f"{folder}/mine.weights.h5", key_of=keras_key)
        ...     initial.load(model)
        >>> initial.classes
        3
    """

    def __init__(self, variant: str, weights: Weights, *, key_of: Callable[[str], str]):
        self.checkpoint = registered_checkpoint(variant, weights)
        self._weights = weights
        self._key_of = key_of
        self._file: TensorFile | None = None

    @property
    def file(self) -> TensorFile | None:
        """The file's content, downloaded and read when it is first asked for; `None` without weights.

        Raises:
            UserError: For a file that is broken, or holds what it should not.
            MissingFile: For a path where there is no file.
            DownloadError: For a download that fails.
        """
        if self._file is None and self._weights is not None:
            path = Path(self._weights)
            if self.checkpoint is not None:
                _warn_of_licence(self.checkpoint)
                path = download(self.checkpoint.source)
            elif is_shared(self._weights):
                path = fetch_shared(self._weights)
            self._file = read_tensor_file(path)
        return self._file

    @property
    def classes(self) -> int | None:
        """How many classes the checkpoint's own classifier has; `None` where there is none.

        Raises:
            UserError: For what `file` refuses.
        """
        if self.checkpoint is not None:
            return self.checkpoint.classes
        bias = None if self.file is None else _bias(self.file, self._key_of)
        return None if bias is None else bias.size

    def load(
        self, model: "keras.Model", *, top: Sequence[str] = (), classes_asked: bool = True
    ) -> None:
        """Loads the weights into a model of the variant: all of them, or none and an error.

        A model without a classifier leaves the checkpoint's aside. A classifier of another number of
        classes, or whose checkpoint has none, keeps its random start, with a `FreshHeadWarning`. A first
        convolution of another number of channels than 3 is adapted as `adapt_channels` says.

        Args:
            model: A flat functional model of the variant.
            top: Paths of further variables that a model with `include_top=False` lacks.
            classes_asked: Whether the model has its number of classes from the user: a checkpoint
                without a classifier is refused otherwise.

        Raises:
            UserError: For weights that do not fit, and for what `file` refuses.
        """
        if self.file is not None:
            _load(model, self.file, self._key_of, top, classes_asked=classes_asked)


def load_checkpoint(
    model: "keras.Model",
    variant: str,
    weights: Weights,
    *,
    key_of: Callable[[str], str],
    top: Sequence[str] = (),
) -> Checkpoint | None:
    """Loads weights into a model of a variant: see `InitialWeights.load`.

    Args:
        model: A flat functional model of the variant.
        variant: The constructor's name, such as `"ResNeXt50"`.
        weights: What the constructor takes: `None`, `"imagenet"`, a tag, or the path of a file.
        key_of: A function from the path of a variable to its key in timm's checkpoints.
        top: Paths of further variables that a model with `include_top=False` lacks.

    Returns:
        The registry's entry, or `None` for `None` and for a path.

    Example:
        >>> import keras_resnets, tempfile
        >>> trained, fresh = (keras_resnets.ResNeXt(depths=(1,), planes=8, classes=3) for _ in "12")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     trained.save_weights(f"{folder}/mine.weights.h5")
        ...     load_checkpoint(fresh, "ResNeXt", f"{folder}/mine.weights.h5", key_of=keras_key)
        >>> bool(np.all(fresh.weights[0] == trained.weights[0]))
        True
    """
    initial = InitialWeights(variant, weights, key_of=key_of)
    initial.load(model, top=top)
    return initial.checkpoint


def _bias(file: TensorFile, key_of: Callable[[str], str]) -> np.ndarray | None:
    """The classifier's bias, under whatever prefix; `None` where there is none."""
    key = keras_key(BIAS) if file.is_keras else key_of(BIAS)
    found = [name for name in file.tensors if name == key or name.endswith(f".{key}")]
    return file.tensors[min(found, key=len)] if found else None


def _load(
    model: "keras.Model",
    file: TensorFile,
    key_of: Callable[[str], str],
    top: Sequence[str],
    *,
    classes_asked: bool,
) -> None:
    if file.is_keras:
        key_of = keras_key
    present = {v.path: v for v in ported(model)}
    body = {key_of(path) for path in present.keys() - {*CLASSIFIER, *top}}
    head = {path: key_of(path) for path in (*CLASSIFIER, *top)}
    tensors, prefix = without_prefix(file.tensors, body | set(head.values()))
    tensors |= _adapted(model, file, tensors, key_of)

    bias = tensors.get(head[BIAS])
    headless = not any(head[path] in tensors for path in CLASSIFIER)
    if headless and BIAS in present and not classes_asked and body <= tensors.keys():
        raise UserError(
            f"Expected a checkpoint with a classifier. Received: {file.path}, which has none. Say how "
            "many classes a new one is to have, classes=10 (convert --classes 10), or do without one, "
            "include_top=False."
        )
    other = BIAS in present and _classes(file, tensors, head) not in {None, present[BIAS].shape[0]}
    new = headless and BIAS in present and classes_asked
    left = {
        path
        for path, key in head.items()
        if path not in present or (other and path in CLASSIFIER) or (new and key not in tensors)
    }
    port(
        model,
        tensors,
        key_of,
        convert=_as_it_is if file.is_keras else to_keras_layout,
        without=left,
        source=f"{file.path}, all of whose keys begin with {prefix!r},"
        if prefix
        else str(file.path),
    )
    if other or new:
        had = "there is none in the checkpoint" if bias is None else f"the checkpoint's {bias.size}"
        warn_caller(
            f"The classifier of {model.name} has {present[BIAS].shape[0]} classes, {had}: its weights "
            "start at random and must be trained.",
            FreshHeadWarning,
        )


def _classes(
    file: TensorFile, tensors: Mapping[str, np.ndarray], head: Mapping[str, str]
) -> int | None:
    """How many classes a checkpoint's kernel and bias agree on; `None` where they do not."""
    kernel, bias = (tensors.get(head[path]) for path in CLASSIFIER)
    if kernel is None or bias is None or kernel.ndim < 2 or bias.ndim != 1:
        return None
    outputs = kernel.shape[-1 if file.is_keras else 0]
    return outputs if bias.size == outputs else None


def _as_it_is(tensor: np.ndarray, _: tuple[int, ...]) -> np.ndarray:
    return tensor


def _adapted(
    model: "keras.Model",
    file: TensorFile,
    tensors: Mapping[str, np.ndarray],
    key_of: Callable[[str], str],
) -> dict[str, np.ndarray]:
    """The kernel of the first convolution for the model's channels, by its key; empty where it fits."""
    first = next(v for v in model.weights if len(v.shape) == 4)
    key, channels, axis = key_of(first.path), first.shape[2], 2 if file.is_keras else 1
    kernel = tensors.get(key)
    if kernel is None or kernel.ndim != 4 or kernel.shape[axis] == channels:
        return {}
    if kernel.shape[axis] == 3:
        return {key: adapt_channels(kernel, channels, axis=axis)}
    raise UserError(
        f"{file.path} does not fit {model.name}: its first convolution takes images of "
        f"{kernel.shape[axis]} channels, the model's of {channels}. Build it for them: "
        f"input_shape=(height, width, {kernel.shape[axis]})."
    )


def _is_path(weights: str | os.PathLike[str]) -> bool:
    if isinstance(weights, os.PathLike):
        return True
    return is_weights_file(weights) or any(c in weights for c in "/\\")


def _warn_of_licence(checkpoint: Checkpoint) -> None:
    if not checkpoint.permissive:
        warn_caller(
            f"The licence of {checkpoint.name} is {checkpoint.licence!r}: make sure that your use "
            "is allowed.",
            LicenceWarning,
        )
