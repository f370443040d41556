"""How long a network is trained, and in what batches, by the number of its photos.

Rules of thumb, the same on every machine, so that a run goes on elsewhere with the same batches.
"""

import math
from typing import Any

from . import recipe
from .config import Config

LARGEST_BATCH = 32
MOST_PIXELS = LARGEST_BATCH * 288**2  # of a batch: what its activations take grows with them
FEWEST_EPOCHS, MOST_EPOCHS = 8, 60
FROM_SCRATCH = 5  # times the epochs


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


def settled(config: Config, photos: int) -> Config:
    """The configuration with what it leaves to the number of training photos, `Config.auto`.

    Raises:
        UserError: Where that contradicts what it does not leave open.
    """
    if not config.auto:
        return config
    height, _ = config.preprocessing.shape
    chosen: dict[str, int] = {
        "epochs": epochs(photos, from_scratch=config.model.weights is None),
        "batch_size": batch_size(photos, height),
    }
    values: dict[str, Any] = config.model_dump(mode="json")
    for key in config.auto:
        values[key] = chosen[key]
    values["auto"] = []
    return recipe.configure(values)


def as_begun(config: Config, begun: Config) -> Config:
    """The configuration with what it leaves to the photos as a run that has begun has it."""
    known: dict[str, Any] = {key: getattr(begun, key) for key in config.auto}
    return config.model_copy(update={**known, "auto": begun.auto})
