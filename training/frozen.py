"""The stages that do not learn: their outputs are computed once for each view of a photo, then kept.

They are kept as float16, in memory or in the folder that `--cache` names, and stand for the photos in
every epoch. A frozen stage is in inference mode: its batch statistics are fixed, and nothing is dropped.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_resnets._common.console import progress
from keras_resnets._common.memory import free_memory
from keras_resnets._common.tables import size
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from keras_resnets.inference import images_at_once

from . import plan
from .cache import MAPS, TARGETS, CacheFiles, disk_room
from .config import Augmentation, Config
from .data.maps import View
from .data.views import view_batches
from .inference import in_inference
from .networks import split

MOST_VIEWS = 8  # of a training photo that are kept
FEWEST_VIEWS = 4  # fewer are too little augmentation: then each epoch computes its own
SHARE = 0.5  # of the free memory, or of the free disk, that they may take
LARGEST = float(np.finfo(MAPS).max)

Array = np.ndarray[Any, Any]


class FrozenOutputs:
    """The maps that the learning stages are fed in place of photos.

    Args:
        frozen: The stages that do not learn, on this process's first device.
        data: The images.
        config: The run's config, with the number of views to keep.
        check: Function that is called between batches, and may raise to stop.
    """

    def __init__(
        self,
        frozen: keras.Model,
        data: ImageData,
        config: Config,
        check: Callable[[], None] = lambda: None,
    ):
        self.data = data
        self.config = config
        self.shape: tuple[int, ...] = frozen.output_shape[1:]
        self._classes = len(data.class_names)
        self._check = check
        self._compute = in_inference(frozen)
        self._views: dict[tuple[str, int], View] = {}
        self._files = None
        if config.cache.folder is not None:
            self._files = CacheFiles(Path(config.cache.folder), key(frozen, data, config))

    def view(self, split: str, number: int) -> View:
        """A view of all photos of a split; computed where it is not there yet."""
        found = self._views.get((split, number))
        if found is None:
            shape = (self.data.sizes[split], *self.shape)
            found = self._read(split, number, shape) or self._kept(split, number, shape)
            self._views[split, number] = found
        return found

    def batches(self, split: str, number: int) -> Iterator[tuple[Array, Array]]:
        """Maps and targets of a view, float32, also of one that is not kept, in the split's order."""
        rows = self.config.batch_size
        if split == "train" and number >= self.config.cache.views:
            yield from self._computed(split, number)
            return
        view = self.view(split, number)
        for start in range(0, len(view.targets), rows):
            part = slice(start, start + rows)
            yield view.maps[part].astype("float32"), view.targets[part]

    def _read(self, split: str, number: int, shape: tuple[int, ...]) -> View | None:
        return (
            None if self._files is None else self._files.read(split, number, shape, self._classes)
        )

    def _kept(self, split: str, number: int, shape: tuple[int, ...]) -> View:
        if self._files is not None:
            with self._files.writing(split, number) as writer:
                for maps, targets in self._computed(split, number):
                    writer.add(maps, targets)
            written = self._read(split, number, shape)
            assert written is not None
            return written
        view = View(np.empty(shape, MAPS), np.empty((shape[0], self._classes), TARGETS))
        start = 0
        for maps, targets in self._computed(split, number):
            part = slice(start, start + len(targets))
            view.maps[part], view.targets[part] = maps, targets
            start += len(targets)
        return view

    def _computed(self, split: str, number: int) -> Iterator[tuple[Array, Array]]:
        rows = images_at_once(*self.config.preprocessing.shape)
        title = f"Frozen stages, {split} view {number + 1}, photo"
        batches = view_batches(self.data, split, self.config, number, rows)
        for images, targets in progress(batches, title, self.data.sizes[split], each=rows):
            self._check()
            maps = self._compute(images).numpy()
            # Rounded whether kept or not, so that both are the same numbers.
            yield np.clip(maps, -LARGEST, LARGEST).astype(MAPS), targets.numpy()


def bytes_of_view(frozen: keras.Model, data: ImageData, split: str) -> int:
    """Bytes that one view of a split's photos takes."""
    maps = MAPS.itemsize * math.prod(frozen.output_shape[1:])
    return int(data.sizes[split] * (maps + TARGETS.itemsize * len(data.class_names)))


def settled(config: Config, network: keras.Model, data: ImageData) -> Config:
    """The configuration with the number of views that are kept, where it leaves that open.

    At most 8, and no more than there are epochs, within half of the memory or the disk that is free;
    none where fewer than four fit, and where a teacher is to see the photos.

    Raises:
        UserError: Where a number was given that the memory does not hold.
    """
    if not config.model.freeze or config.teacher is not None:
        return plan.with_views(config, 0)
    frozen, _ = split(network, config.model.freeze)
    wanted = min(MOST_VIEWS, config.last_epoch or _views_for_others(config))
    fitting = views_that_fit(frozen, data, config)
    config = plan.with_views(
        config, min(wanted, fitting) if fitting >= min(FEWEST_VIEWS, wanted) else 0
    )
    needed, free = bytes_kept(frozen, data, config), room(config)
    if config.cache.folder is None and needed > free:
        raise UserError(
            f"Expected {size(needed)} of memory for {config.cache.views} views of the photos. "
            f"Received: {size(free)}. Give --cache FOLDER, or a lower cache.views."
        )
    return config


def _views_for_others(config: Config) -> int:
    """Views that a run without epochs leaves in a folder for the runs after it."""
    return 0 if config.cache.folder is None or config.head is None else config.head.views


def views_that_fit(frozen: keras.Model, data: ImageData, config: Config) -> int:
    """Number of views of the training photos that half of what is free holds."""
    there = int(SHARE * room(config)) - bytes_of_view(frozen, data, "validation")
    return max(there, 0) // bytes_of_view(frozen, data, "train")


def bytes_kept(frozen: keras.Model, data: ImageData, config: Config) -> int:
    """Bytes that all views take that are kept."""
    training, validation = (bytes_of_view(frozen, data, split) for split in ("train", "validation"))
    return config.cache.views * training + validation if config.cache.views else 0


def room(config: Config) -> int:
    """Bytes free, on the disk of the cache's folder or else in the memory."""
    folder = config.cache.folder
    return free_memory() if folder is None else disk_room(Path(folder))


def in_words(config: Config, network: keras.Model, data: ImageData) -> str:
    """What is kept of the frozen stages, and which augmentation that leaves: a line, or none."""
    count, views, folder = config.model.freeze, config.cache.views, config.cache.folder
    if not count:
        return "" if folder is None else "No stage is frozen: --cache has nothing to keep.\n"
    if not views and not config.last_epoch:
        return ""
    frozen, _ = split(network, count)
    parts = ["the stem", *(f"stage {number}" for number in range(1, count))]
    named = f"{parts[0]} to {parts[-1]}" if count > 2 else " and ".join(parts)
    if config.teacher is not None:
        return f"Frozen: {named}, computed in each epoch, for the teacher to see the same photos.\n"
    if views:
        return (
            f"Frozen: {named}, computed once for {views} views of each photo "
            f"({size(bytes_kept(frozen, data, config))} in {folder or 'memory'}). "
            f"{augmentation_in_words(config.augmentation, views)}\n"
        )
    lacking = ""
    if views_that_fit(frozen, data, config) < FEWEST_VIEWS:
        lacking = (
            f" {FEWEST_VIEWS} views of the photos take "
            f"{size(FEWEST_VIEWS * bytes_of_view(frozen, data, 'train'))}, and half of what is free "
            f"is {size(SHARE * room(config))}: --cache FOLDER keeps them on a disk."
        )
    return f"Frozen: {named}, computed in each epoch, with all augmentation.{lacking}\n"


def augmentation_in_words(augmentation: Augmentation, views: int) -> str:
    """What becomes of the augmentation where each photo has so many views."""
    of_photos = [
        name
        for name in ("crop", "flip", "shift", "policy", "jitter", "erasing")
        if getattr(augmentation, name)
    ]
    of_batches = [name for name in ("mixup", "cutmix") if getattr(augmentation, name)]
    if views == 1:
        said = f"Augmentation: no {', '.join(of_photos)}" if of_photos else "Augmentation: none"
    else:
        said = f"Augmentation: {', '.join(of_photos) or 'none'}, drawn once a view"
    mixed = f"; {' and '.join(of_batches)} of the maps, drawn anew" if of_batches else ""
    return f"{said}{mixed}."


def key(frozen: keras.Model, data: ImageData, config: Config) -> str:
    """Digest of all that the maps are computed of: photos, stages with their weights, views.

    Raises:
        UserError: For a data set that has no digest of its images.
    """
    if not data.digest:
        raise UserError(
            f"Expected --cache with a folder of photos, whose content is known by a digest. "
            f"Received: the data set {data.name}. Leave --cache out."
        )
    digest = hashlib.sha256()
    views = {
        "photos": data.digest,
        "network": [config.model.name, config.model.arguments, config.model.freeze],
        **config.model_dump(mode="json", include={"preprocessing", "augmentation", "seed"}),
    }
    digest.update(json.dumps(views, sort_keys=True).encode())
    for weights in frozen.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()[:16]
