"""What a run is for: its best and its last network, ready for use, each with its card."""

import shutil
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_resnets._common.files import written_aside
from keras_resnets.card import Card
from keras_resnets.weights.keras_file import load_keras_weights

from ..optim.swa import EqualAverage, reestimate_batch_norm
from .folder import BEST, LAST, RunFolder

SWA_STEPS = 100  # batches from which an average's own batch statistics are taken


class Models:
    """`best.keras` and `last.keras` of a run, and the network that holds the weights of one of them.

    Args:
        folder: The folder they are written to.
        network: The network, with probabilities, in float32, on one device.
        card: The network's card.

    Attributes:
        held: The files whose weights the network has: both where the last epoch was the best, none
            where a file was never read or written.
    """

    def __init__(self, folder: RunFolder, network: keras.Model, card: Card):
        self.folder = folder
        self.network = network
        self.card = card
        self.held: Sequence[str] = ()

    def assign(self, weights: Sequence[np.ndarray[Any, Any]]) -> None:
        """Gives the network these weights."""
        for variable, value in zip(self.network.weights, weights, strict=True):
            variable.assign(value)
        self.held = ()

    def hold(self, name: str) -> None:
        """Gives the network the weights of one of its files, unless it has them."""
        if name not in self.held:
            load_keras_weights(self.folder / name, self.network)
            self.held = (name,)

    def save(self, weights: Sequence[np.ndarray[Any, Any]], *, is_best: bool) -> None:
        """Writes the network with these weights as the last, and as the best where it is."""
        self.assign(weights)
        self.write([BEST, LAST] if is_best else [LAST], self.card)

    def save_average(self, average: EqualAverage, learning: keras.Model, batches: Any) -> None:
        """Writes the equal-weight average as the best and the last network.

        Args:
            average: Average of the weights of some epochs.
            learning: The part of the network that learned.
            batches: Training batches of what that part sees, for the average's own batch statistics.
        """
        self.assign(average.average)
        reestimate_batch_norm(learning, batches)
        self.write([BEST, LAST], self.card)

    def write(self, names: Sequence[str], card: Card) -> None:
        """Writes the network as it is, and a card, each file as a whole."""
        first, *others = (self.folder / name for name in names)
        with written_aside(first) as aside:
            self.network.save(aside)
        card.save(first)
        for path in others:
            with written_aside(path) as aside:
                shutil.copyfile(first, aside)
            card.save(path)
        self.held = names
