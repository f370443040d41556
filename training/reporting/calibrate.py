"""The models of a run, calibrated at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_resnets
from keras_resnets.classifier import activation, of_logits
from keras_resnets.data import ImageData

from ..run.calibration import (
    HEAD,
    Activation,
    divide_logits,
    fit_temperature,
    temperature_of,
    threshold_of,
    with_calibration,
)
from ..run.folder import BEST, LAST
from ..run.models import write_model
from .evaluate import answers

Array = np.ndarray[Any, Any]


def calibrate_run(run: Path, data: ImageData, coverage: float) -> None:
    """Calibrates the best and the last model of a run on the validation images, each by itself.

    A temperature is folded into the last layer, and the threshold of "unsure" written into the card.
    A model that has both is left as it is, so that a run that was killed here goes on.

    Args:
        run: Folder of the run.
        data: The run's images.
        coverage: Share of the validation images that the model is to be sure of.
    """
    for name in (BEST, LAST):
        path = run / name
        network, card = keras_resnets.open_model(path)
        if temperature_of(card) is not None:
            continue
        kind: Activation = "sigmoid" if activation(network) == "sigmoid" else "softmax"
        logits, labels = answers(logits_of(network), card, data, "validation")
        targets = labels if card.multi_label else np.eye(len(card.class_names), dtype=bool)[labels]
        temperature = fit_temperature(logits, targets, kind)
        threshold = None  # of any number of labels none is an answer too
        if not card.multi_label:
            threshold = threshold_of(of_logits(logits / temperature, kind).max(axis=1), coverage)
        divide_logits(network, temperature)
        write_model(path, network, with_calibration(card, temperature, threshold, len(labels)))


def logits_of(network: keras.Model) -> Callable[[Array], Array]:
    """What a network gives before its last activation.

    The logarithms of its probabilities would do, but for those that are 0 in float32.
    """
    head = network.get_layer(HEAD)
    logits = keras.Model(network.inputs, head.input)
    kernel, *bias = (variable.numpy() for variable in head.weights)

    def answer(images: Array) -> Array:
        return np.asarray(sum(bias, np.asarray(logits.predict_on_batch(images)) @ kernel))

    return answer
