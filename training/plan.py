"""How long a network is trained, and in what batches, by the number of its photos.

Rules of thumb, the same on every machine, so that a run goes on elsewhere with the same batches.
"""

import math
from collections.abc import Mapping
from typing import Any

from . import recipe
from .config import Config

LARGEST_BATCH = 32
MOST_PIXELS = LARGEST_BATCH * 288**2  # of a batch: what its activations take grows with them
FEWEST_EPOCHS, MOST_EPOCHS = 8, 60
FROM_SCRATCH = 5  # times the epochs
MOST_VIEWS = 8
LEARNING = 2  # stages
MOST_FROZEN = 5_000  # photos up to which the others stay as they are
VIEWED = 1000  # photos, at least, that the classifier is trained on, counting each view


def epochs(photos: int, *, from_scratch: bool) -> int:
    """160 over the fourth root of the number of training photos, from 8 to 60; five times from scratch.

    Example:
        >>> [epochs(photos, from_scratch=False) for photos in (50, 500, 5_000, 50_000)]
        [60, 34, 19, 11]
    """
    count = min(max(round(160 / math.sqrt(math.sqrt(photos))), FEWEST_EPOCHS), MOST_EPOCHS)
    return FROM_SCRATCH * count if from_scratch else count


def batch_size(photos: int, side: int) -> int:
    """The largest power of two within a quarter of the training photos, 32, and as many pixels.

    Four photos are a batch in any case, where there are so many.

    Args:
        photos: Number of photos to train on.
        side: Side of the network's square images, in pixels.

    Example:
        >>> [batch_size(photos, side=224) for photos in (3, 50, 500)]
        [2, 8, 32]
    """
    most = min(max(photos // 4, min(photos, 4)), LARGEST_BATCH, MOST_PIXELS // side**2)
    return 1 << (max(most, 1).bit_length() - 1)


def views(photos: int) -> int:
    """Views of each photo that the classifier learns from: about 1,000 in all, from 1 to 8 a photo.

    Example:
        >>> [views(photos) for photos in (50, 200, 500, 5_000)]
        [8, 5, 2, 1]
    """
    return min(max(VIEWED // photos, 1), MOST_VIEWS)


def frozen_parts(photos: int, parts: int) -> int:
    """Parts of a network that stay as they are: all but the last two stages, up to 5,000 photos.

    Beyond, all of it learns.

    Args:
        photos: Number of photos to train on.
        parts: Number of parts there are, the stem and the stages.

    Example:
        >>> frozen_parts(500, parts=5), frozen_parts(50_000, parts=5)
        (3, 0)
    """
    return max(parts - LEARNING, 0) if photos <= MOST_FROZEN else 0


def settled(config: Config, photos: int, parts: int = 5) -> Config:
    """The configuration with what it leaves to the number of training photos, `Config.auto`.

    Args:
        config: The run's config.
        photos: Number of training photos.
        parts: Number of the network's parts, the stem and the stages.

    Raises:
        UserError: Where that contradicts what it does not leave open.
    """
    if not config.auto:
        return config
    height, _ = config.preprocessing.shape
    chosen = {
        "epochs": epochs(photos, from_scratch=config.model.weights is None),
        "batch_size": batch_size(photos, height),
        "head.views": views(photos),
        "model.freeze": frozen_parts(photos, parts),
    }
    return _with(config, chosen)


def with_views(config: Config, views: int) -> Config:
    """The configuration with this number of views kept, where it leaves that open."""
    return _with(config, {"cache.views": views})


def _with(config: Config, chosen: Mapping[str, int]) -> Config:
    values: dict[str, Any] = config.model_dump(mode="json")
    for key in config.auto:
        if key in chosen:
            recipe.set_key(values, key, chosen[key])
    values["auto"] = [key for key in config.auto if key not in chosen]
    return recipe.configure(values)


def as_begun(config: Config, begun: Config) -> Config:
    """The configuration with what it leaves to the photos as a run that has begun has it."""
    for key in config.auto:
        config = _taken_over(config, begun, key)
    return config.model_copy(update={"auto": begun.auto})


def _taken_over(section: Any, other: Any, key: str) -> Any:
    """A section with the value that another one has for a key."""
    name, _, inner = key.partition(".")
    value = getattr(other, name, None)
    if inner:
        value = _taken_over(getattr(section, name), value, inner)
    return section.model_copy(update={name: value})
