"""Probabilities that mean what they say: a temperature, and the threshold of "unsure".

Both are chosen on validation photos. Guo et al., 2017: https://arxiv.org/abs/1706.04599
"""

import dataclasses
import math
from typing import Any, Literal

import keras
import numpy as np

from keras_resnets.card import Card

FEWEST = 10  # validation photos; from fewer nothing is learned about probabilities
HOTTEST = 20.0  # temperature; the coldest is its inverse
STEPS = 1000  # of a threshold, rounded down, so that rounding in a phone's file passes it

HEAD = "predictions"  # the last layer of our networks
TEMPERATURE = "temperature"  # in a card's provenance

Array = np.ndarray[Any, Any]
Activation = Literal["softmax", "sigmoid"]


def fit_temperature(logits: Array, targets: Array, activation: Activation = "softmax") -> float:
    """The temperature by which logits are to be divided: the least cross-entropy on held-out photos.

    The targets are Platt's (1999), `(n + 1) / (n + 2)` for `n` photos in place of 1, as the rule of
    succession has it: where every photo is right the plain cross-entropy falls for ever, and twenty
    photos are no proof of certainty. With thousands the two agree.

    Args:
        logits: Logits, `(photos, classes)`.
        targets: True classes, `(photos, classes)` of 0 and 1.
        activation: What makes probabilities of the logits: `"softmax"`, or `"sigmoid"` where each
            class is answered for by itself.

    Returns:
        A number from 1/20 to 20; 1 for fewer than 10 photos.

    Example:
        >>> logits = np.array([[2.0, 0.0]] * 30)  # 88 % sure, and right in two of three
        >>> round(fit_temperature(logits, np.eye(2)[[0, 0, 1] * 10]), 1)
        3.1
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    if len(logits) < FEWEST:
        return 1.0
    z = np.asarray(logits, "float64")
    agreement = float((_platt(np.asarray(targets, bool), activation) * z).sum(axis=1).mean())

    def cross_entropy(log_scale: float) -> float:
        scaled = z * math.exp(log_scale)
        if activation == "softmax":
            normaliser = logsumexp(scaled, axis=1)
        else:
            normaliser = np.logaddexp(0, scaled).sum(axis=1)
        return float(normaliser.mean()) - math.exp(log_scale) * agreement

    limit = math.log(HOTTEST)
    found = minimize_scalar(
        cross_entropy, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-6}
    )
    return math.exp(-float(found.x))


def _platt(targets: Array, activation: Activation) -> Array:
    """Targets short of certainty by what so many photos cannot tell."""
    if activation == "sigmoid":
        there = targets.sum()
        return np.asarray(
            np.where(targets, (there + 1) / (there + 2), 1 / (targets.size - there + 2))
        )
    photos, classes = targets.shape
    doubt = 1 / (photos + 2)
    return np.asarray(np.where(targets, 1 - doubt, doubt / max(classes - 1, 1)))


def threshold_of(confidences: Array, coverage: float) -> float:
    """The probability that at least a share of validation photos reach, rounded down to 0.1 %.

    Args:
        confidences: The probability of each photo's first class, `(photos,)`.
        coverage: The share of the photos that get an answer, above 0, at most 1.

    Example:
        >>> threshold_of(np.array([0.9, 0.8123, 0.7, 0.6]), coverage=0.75)
        0.7
    """
    ordered = np.sort(confidences)
    # A product such as 0.05 * 100 may come out a little above or below the whole number.
    unanswered = math.floor((1 - coverage) * len(ordered) + 1e-9)
    return math.floor(float(ordered[unanswered]) * STEPS + 1e-4) / STEPS


def divide_logits(network: keras.Model, temperature: float) -> None:
    """Folds a temperature into a network: its last layer's kernel and bias are divided by it."""
    for variable in network.get_layer(HEAD).weights:
        variable.assign(variable / temperature)


def temperature_of(card: Card) -> float | None:
    """The temperature that a model's logits were divided by; `None` where it was not calibrated."""
    found = card.provenance.get(TEMPERATURE)
    try:
        return None if found is None else float(found)
    except ValueError:  # free text of somebody else's
        return None


def with_calibration(card: Card, temperature: float, threshold: float | None, photos: int) -> Card:
    """The card of a model that was calibrated on so many validation photos."""
    told = {TEMPERATURE: f"{temperature:.6g}", "calibrated_on": f"{photos} validation photos"}
    return dataclasses.replace(card, provenance={**card.provenance, **told}, threshold=threshold)


def before_temperature(
    probabilities: Array, temperature: float, activation: Activation = "softmax"
) -> Array:
    """The probabilities that a calibrated model's would be without its temperature."""
    powers = probabilities**temperature
    rest = (1 - probabilities) ** temperature
    total = powers + rest if activation == "sigmoid" else powers.sum(axis=-1, keepdims=True)
    return np.asarray(powers / total)
