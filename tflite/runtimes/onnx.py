"""ONNX, for onnxruntime and whatever else reads it."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime

# Keras needs it, and says in other words that it is missing.
import tf2onnx  # noqa: F401

from keras_resnets._common.console import silent_output
from keras_resnets.card import Card

from .served import CARD


def write(model: keras.Model, card: Card, path: Path) -> None:
    """Writes a file with the card, and so the class names, in its `metadata_props`.

    Args:
        model: The model, as `served_model` makes it.
        card: The model's card.
        path: The file to be.
    """
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), silent_output():
        # Of Keras' patch for NumPy 2, which asks for `np.object`.
        warnings.simplefilter("ignore", FutureWarning)
        model.export(str(path), format="onnx", verbose=False)
    made = onnx.load(str(path))
    onnx.helper.set_model_props(made, {CARD: card.public().to_json()})
    onnx.checker.check_model(made)
    onnx.save(made, str(path))


def opened(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The function of pixels that a file holds, run by onnxruntime on the CPU."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (pixels,) = session.get_inputs()

    def run(batch: np.ndarray) -> np.ndarray:
        probabilities: np.ndarray = session.run(None, {pixels.name: batch})[0]
        return probabilities

    return run
