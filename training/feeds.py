"""What the learning part of a network is fed: photos, or the maps that stand for them."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import keras
import numpy as np

from keras_resnets._common.console import progress
from keras_resnets.data import ImageData

from . import networks
from .config import Config
from .data.balance import Balance
from .data.batches import Position, training_batches, validation_batches
from .data.maps import map_batches, map_validation
from .data.views import view_batches
from .devices import Devices
from .frozen import FrozenOutputs

Array = np.ndarray[Any, Any]


class Feed(Protocol):
    """Where batches come from.

    Attributes:
        to_features: The network on this process's first device, from what the views hold to what its
            classifier sees.
    """

    to_features: keras.Model

    def views(self, split: str, number: int) -> Iterator[tuple[Array, Array]]:
        """One view of a split's photos, in order: inputs and targets, on this process alone."""

    def epoch(self, start: Position) -> Iterator[Any]:
        """The distributed training batches from a place in an epoch on, at least to its end."""

    def validation(self) -> Any:
        """The distributed validation batches, one pass."""


class PhotoFeed:
    """Photos, augmented anew in each epoch.

    Args:
        network: The network on this process's first device.
        data: The images.
        config: The run's config.
        devices: The devices that share a batch.
        check: Function that is called between batches of views, and may raise to stop.
    """

    def __init__(
        self,
        network: keras.Model,
        data: ImageData,
        config: Config,
        devices: Devices,
        check: Callable[[], None],
    ):
        self.to_features = networks.to_features(network, 0)
        self._data, self._config, self._devices, self._check = data, config, devices, check
        self._endless: Iterator[Any] | None = None
        self._validation: Any = None

    def views(self, split: str, number: int) -> Iterator[tuple[Array, Array]]:
        rows, total = self._config.batch_size, self._data.sizes[split]
        title = f"Features, {split} view {number + 1}, photo"
        batches = view_batches(self._data, split, self._config, number, rows)
        for images, targets in progress(batches, title, total, each=rows):
            self._check()
            yield images.numpy(), targets.numpy()

    def epoch(self, start: Position) -> Iterator[Any]:
        # One iterator for all epochs, so that the next one's photos are read before it begins.
        if self._endless is None:
            self._endless = iter(
                self._devices.distribute(
                    lambda: training_batches(self._data, self._config, start, self._devices.share)
                )
            )
        return self._endless

    def validation(self) -> Any:
        if self._validation is None:
            self._validation = self._devices.distribute(
                lambda: validation_batches(
                    self._data, "validation", self._config, self._devices.share
                )
            )
        return self._validation


class MapFeed:
    """Maps of the frozen stages, which were computed once; each epoch sees the next of the views.

    Args:
        network: The network on this process's first device.
        frozen: The maps.
        balance: What makes every class count alike.
        config: The run's config.
        devices: The devices that share a batch.
    """

    def __init__(
        self,
        network: keras.Model,
        frozen: FrozenOutputs,
        balance: Balance,
        config: Config,
        devices: Devices,
    ):
        self.to_features = networks.to_features(network, config.model.freeze)
        self._frozen, self._balance = frozen, balance
        self._config, self._devices = config, devices

    def views(self, split: str, number: int) -> Iterator[tuple[Array, Array]]:
        return self._frozen.batches(split, number)

    def epoch(self, start: Position) -> Iterator[Any]:
        # A validation at the end of an epoch is not to wait for its maps, nor a signal.
        self._frozen.view("validation", 0)
        view = self._frozen.view("train", start.epoch % self._config.cache.views)
        share = self._devices.share
        return iter(
            self._devices.distribute(
                lambda: map_batches(view, self._balance, self._config, start, share)
            )
        )

    def validation(self) -> Any:
        view = self._frozen.view("validation", 0)
        share = self._devices.share
        return self._devices.distribute(lambda: map_validation(view, self._config, share))


def make_feed(
    network: keras.Model,
    data: ImageData,
    balance: Balance,
    config: Config,
    devices: Devices,
    check: Callable[[], None],
) -> Feed:
    """The feed of a run: maps where views of them are kept, else photos.

    Args:
        network: The network on this process's first device, with the weights as they are.
        data: The images.
        balance: What makes every class count alike.
        config: The run's config, settled.
        devices: The devices that share a batch.
        check: Function that is called while maps are computed, and may raise to stop.
    """
    if not config.cache.views:
        return PhotoFeed(network, data, config, devices, check)
    frozen, _ = networks.split(network, config.model.freeze)
    return MapFeed(network, FrozenOutputs(frozen, data, config, check), balance, config, devices)
