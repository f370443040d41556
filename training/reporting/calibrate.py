"""The models of a run, calibrated at its end."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_resnets.card import Card
from keras_resnets.classifier import activation, of_logits
from keras_resnets.data import ImageData

from ..inference import in_inference
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
from ..run.models import Models
from .evaluate import answers

Array = np.ndarray[Any, Any]


def calibrate_run(models: Models, data: ImageData, coverage: float) -> None:
    """Calibrates the last and the best model of a run on the validation images, each by itself.

    A temperature is folded into the last layer, and the threshold of "unsure" written into the card.
    A model that has both is left as it is, so that a run that was killed here goes on.

    Args:
        models: The run's models.
        data: The run's images.
        coverage: Share of the validation images that a model is to be sure of.
    """
    network = models.network
    kind: Activation = "sigmoid" if activation(network) == "sigmoid" else "softmax"
    for name in (LAST, BEST):
        card = Card.load(models.folder / name)
        if temperature_of(card) is not None:
            continue
        models.hold(name)
        logits, labels = answers(logits_of(network), card, data, "validation")
        targets = labels if card.multi_label else np.eye(len(card.class_names), dtype=bool)[labels]
        temperature = fit_temperature(logits, targets, kind)
        threshold = None  # of any number of labels none is an answer too
        if not card.multi_label:
            threshold = threshold_of(of_logits(logits / temperature, kind).max(axis=1), coverage)
        divide_logits(network, temperature)
        models.write(models.held, with_calibration(card, temperature, threshold, len(labels)))


def logits_of(network: keras.Model) -> Callable[[Array], Array]:
    """What a network, with the weights that it has now, gives before its last activation.

    The logarithms of its probabilities would do, but for those that are 0 in float32.
    """
    head = network.get_layer(HEAD)
    kernel, *bias = head.get_weights()
    to_features = in_inference(keras.Model(network.inputs, head.input))

    def answer(images: Array) -> Array:
        return np.asarray(sum(bias, to_features(images).numpy() @ kernel))

    return answer
