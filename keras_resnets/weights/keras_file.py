"""The one place where a `.keras` of a stranger becomes a model."""

import contextlib
import json
import math
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets._common.drawing import undrawn
from keras_resnets._common.tables import size
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.weights.archives import BEYOND_FILE, open_archive
from keras_resnets.weights.hdf5_file import inspect_hdf5
from keras_resnets.weights.reading import KERAS_WEIGHTS, blamed_on, whole
from keras_resnets.weights.values import unusable

if TYPE_CHECKING:
    import keras

_CONFIG = "config.json"
_LARGEST_CONFIG = 1 << 24  # bytes; ResNeSt269 takes 80,000
_LISTED = 4
_WAY_OUT = "Save it without code of its own, or register its layers and functions first."

# One model at a time: what is counted while it is built is counted for it.
_loading = threading.RLock()


def load_keras(path: Path, *, compile: bool = False) -> "keras.Model":
    """Loads a `.keras` file, wherever it comes from.

    It is checked before Keras sees it, so that loading takes no more memory than the file accounts for
    and follows no link out of it; no code in it is executed (Keras' `safe_mode`); and its numbers are
    checked before a model is returned.

    Args:
        path: The file's path.
        compile: Whether the optimiser and the loss are restored too.

    Raises:
        MissingFile: Where there is no such file.
        UserError: For a file that is truncated or harmful, whose layers are not known, or with
            numbers that are not finite. The message has one line and names the file.

    Example:
        >>> load_keras(Path("nowhere.keras"))
        Traceback (most recent call last):
        ...
        keras_resnets.errors.MissingFile: There is no model at nowhere.keras.
    """
    with _checked(path):
        _check_configuration(path)
        inspected = inspect_hdf5(path, KERAS_WEIGHTS)
    import keras

    with (
        undrawn(),
        blamed_on(path, "holds a model that Keras cannot build", _WAY_OUT),
        _no_larger_than(inspected.size + BEYOND_FILE, path),
    ):
        model = keras.saving.load_model(path, compile=compile, safe_mode=True)
    _check_values(path, model, inspected.integers)
    return model


def load_keras_weights(path: Path, network: "keras.Model") -> None:
    """Gives a network the weights of a `.keras` file that holds the same one, once they are checked.

    A run's best and last model need not be built again to be looked at.

    Args:
        path: The file's path.
        network: The network.

    Raises:
        MissingFile: Where there is no such file.
        UserError: For a file that is truncated or harmful, or of another network.
    """
    with _checked(path):
        inspected = inspect_hdf5(path, KERAS_WEIGHTS)
    with blamed_on(path, f"holds no {network.name}", "Train or save it again."):
        network.load_weights(path)
    _check_values(path, network, inspected.integers)


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    """Refuses what is no whole archive, within it too."""
    if not path.is_file():
        raise MissingFile(f"There is no model at {path}.")
    with whole("Keras", path):
        yield


def _check_configuration(path: Path) -> None:
    with open_archive(path) as archive:
        config = archive.getinfo(_CONFIG)
        if config.file_size > _LARGEST_CONFIG:
            raise UserError(
                f"{path} was refused: its {_CONFIG} has {size(config.file_size)}. "
                "Download or save it again."
            )
        json.loads(archive.read(config))


@contextlib.contextmanager
def _no_larger_than(limit: int, path: Path) -> Iterator[None]:
    """Stops a configuration that needs more memory than the file has weights, before it is allocated."""
    import keras

    left = limit
    thread = threading.get_ident()

    def add_weight(layer: Any, shape: Any = None, *args: Any, **arguments: Any) -> Any:
        nonlocal left
        if threading.get_ident() == thread:
            left -= 4 * math.prod(shape or ())
            if left < 0:
                raise MemoryError
        return original(layer, shape, *args, **arguments)

    with _loading:
        original = keras.layers.Layer.add_weight
        keras.layers.Layer.add_weight = add_weight
        try:
            yield
        except Exception as error:  # Keras packs it into errors of its own
            if left >= 0:
                raise
            raise UserError(
                f"{path} was refused: its configuration asks for more variables than its weights, "
                f"{size(limit - BEYOND_FILE)}, fill. Download or save it again."
            ) from error
        finally:
            keras.layers.Layer.add_weight = original


def _check_values(path: Path, model: "keras.Model", integers: Counter[tuple[int, ...]]) -> None:
    """Refuses numbers that no network works with, and integers where the model has none."""
    import keras
    import numpy as np

    floating, whole_numbers = [], Counter[tuple[int, ...]]()
    for variable in model.variables:
        value = np.asarray(keras.ops.convert_to_numpy(variable))
        if value.dtype.kind in "iub":
            whole_numbers[value.shape] += 1
        else:
            # bfloat16 is no number to NumPy.
            floating.append(
                (variable.path, value.astype("float32") if value.dtype.kind == "V" else value)
            )
    problems = unusable(floating)
    problems["not floating-point"] += [f"a variable of shape {s}" for s in integers - whole_numbers]
    for what, paths in problems.items():
        if paths:
            more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
            raise UserError(
                f"{path} was refused: {len(paths)} of its variables {_ARE[what]}: "
                f"{', '.join(paths[:_LISTED])}{more}. Train or save it again."
            )


_ARE = {
    "not floating-point": "are not floating-point numbers",
    "not finite": "are not finite",
    "negative variances": "are negative variances",
}
