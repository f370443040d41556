"""What a run is for: its best and its last network, ready for use, each with its card."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnets._common.files import written_aside
from keras_resnets.card import Card

from ..optim.swa import EqualAverage, reestimate_batch_norm
from .folder import BEST, LAST, RunFolder

SWA_STEPS = 100  # batches from which an average's own batch statistics are taken


class Models:
    """`best.keras` and `last.keras` of a run.

    Args:
        folder: The folder they are written to.
        network: The network, with probabilities, in float32, on one device.
        card: The network's card.
    """

    def __init__(self, folder: RunFolder, network: keras.Model, card: Card):
        self.folder = folder
        self.network = network
        self.card = card

    def assign(self, weights: Sequence[np.ndarray[Any, Any]]) -> None:
        """Gives the network these weights."""
        for variable, value in zip(self.network.weights, weights, strict=True):
            variable.assign(value)

    def save(self, weights: Sequence[np.ndarray[Any, Any]], *, is_best: bool) -> None:
        """Writes the network with these weights as the last, and as the best where it is."""
        self.assign(weights)
        self._write([BEST, LAST] if is_best else [LAST])

    def save_average(self, average: EqualAverage, learning: keras.Model, batches: Any) -> None:
        """Writes the equal-weight average as the best and the last network.

        Args:
            average: Average of the weights of some epochs; nothing is written where there were
                none.
            learning: The part of the network that learned.
            batches: Training batches of what that part sees, for the average's own batch statistics.
        """
        if average.count:
            self.assign(average.average)
            reestimate_batch_norm(learning, batches)
            self._write([BEST, LAST])

    def _write(self, names: Sequence[str]) -> None:
        for name in names:
            write_model(self.folder / name, self.network, self.card)


def write_model(path: Path, network: keras.Model, card: Card) -> None:
    """Writes a network and its card, each as a whole."""
    with written_aside(path) as aside:
        network.save(aside)
    card.save(path)
