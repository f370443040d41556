"""Single images of a data set, none of which is decoded larger than it is shown."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_resnets._common.pictures import SHOWN_SIDE
from keras_resnets.data import ImageData
from keras_resnets.photos.decoding import open_reduced
from keras_resnets.preprocessing import Preprocessing

Array = np.ndarray[Any, Any]


def for_page(data: ImageData, split: str, places: Sequence[int] | Array) -> list[Array]:
    """Images of a split, each `(height, width, 3)` uint8, for `keras_resnets._common.pictures.page`."""
    return [
        np.asarray(open_reduced(source, SHOWN_SIDE)[0]) for source in data.stored(split, places)
    ]


def as_seen(
    data: ImageData, split: str, places: Sequence[int] | Array, preprocessing: Preprocessing
) -> list[Array]:
    """Images of a split as a network sees them, but for normalisation: `(height, width, 3)` uint8."""
    return [preprocessing.read(source, checked=True) for source in data.stored(split, places)]
