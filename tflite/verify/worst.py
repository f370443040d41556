"""The images on which two models differ most, on one page."""

import numpy as np

from keras_resnets._common.pictures import Shown, page, png
from keras_resnets.card import Card
from keras_resnets.data import ImageData

from ..file.card import FileCard
from .compare import Probabilities

IMAGES = 24  # on a page


def worst(
    card: Card | FileCard, names: tuple[str, str], found: Probabilities, data: ImageData, split: str
) -> bytes:
    """A PNG of the images on which two models differ most: other classes first.

    Args:
        card: The card that `compare` was given.
        names: Name of the model compared with, and of the other one as in `found`.
        found: The result of `compare`.
        data, split: Source of the images, and the split that was read.
    """
    reference, name = names
    disagree = found.differs(name)
    differences = np.abs(found.others[name] - found.reference).max(-1)
    order = np.lexsort((-differences, ~disagree))[:IMAGES]
    classes = card.class_names
    shown = []
    for index, photo in zip(order, data.stored(split, order), strict=True):
        said = [
            f"{who}: {classes[values[index].argmax()]} {values[index].max():.2g}"
            for who, values in ((reference, found.reference), (name, found.others[name]))
        ]
        label = _one_hot(found.labels[index], len(classes))
        truth = ", ".join(classes[i] for i in np.flatnonzero(label))
        caption = "\n".join([f"truth: {truth}", *said])
        shown.append(Shown(card.preprocessing.read(photo, checked=True), caption))
    title = (
        f"{name}: {disagree.sum()} of {len(disagree)} images named otherwise than by {reference}"
    )
    return png(page(shown, title))


def _one_hot(label: np.ndarray, classes: int) -> np.ndarray:
    return np.asarray(label) if np.ndim(label) else np.arange(classes) == label
