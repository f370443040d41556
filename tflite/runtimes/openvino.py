"""OpenVINO's own format, for Intel's processors."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import openvino

from keras_resnets._common.console import silent_output
from keras_resnets.card import Card

from .served import CARD


def write(model: keras.Model, card: Card, path: Path) -> None:
    """Writes `NAME.xml` and `NAME.bin` beside it, the card in the `rt_info` of the model.

    Args:
        model: The model, as `served_model` makes it.
        card: The model's card.
        path: The `.xml` file to be.
    """
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "model.xml")
        with silent_output():
            model.export(str(first), format="openvino", verbose=False)
        made = openvino.Core().read_model(str(first))
        made.set_rt_info(card.public().to_json(), CARD)
        openvino.save_model(made, str(path), compress_to_fp16=False)


def opened(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The function of pixels that a file holds, run by OpenVINO on the CPU in float32."""
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)

    def run(pixels: np.ndarray) -> np.ndarray:
        probabilities: np.ndarray = compiled(pixels)[0]
        return probabilities

    return run
