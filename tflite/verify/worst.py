"""The images on which a file and Keras differ most, on one page."""

import numpy as np

from keras_resnets._common.pictures import Shown, page, png
from keras_resnets.data import ImageData

from ..trained import TrainedModel
from .compare import Probabilities

IMAGES = 24  # on a page


def worst(
    trained: TrainedModel, file: str, found: Probabilities, data: ImageData, split: str
) -> bytes:
    """A PNG of the images on which Keras and a file differ most: other classes first.

    Args:
        trained: The trained model.
        file: The file's name in `found`.
        found: The result of `compare`.
        data, split: Source of the images, and the split that was read.
    """
    disagree = found.files[file].argmax(-1) != found.keras.argmax(-1)
    differences = np.abs(found.files[file] - found.keras).max(-1)
    order = np.lexsort((-differences, ~disagree))[:IMAGES]
    names = trained.card.class_names
    shown = {}
    for index, (photo, label) in enumerate(data.examples(split).as_numpy_iterator()):
        if index in order:
            said = [
                f"{who}: {names[values[index].argmax()]} {values[index].max():.2g}"
                for who, values in (("Keras", found.keras), ("file", found.files[file]))
            ]
            caption = "\n".join([f"truth: {names[label]}", *said])
            shown[index] = Shown(trained.card.preprocessing.pixels(photo), caption)
        if len(shown) == len(order):
            break
    title = f"{file}: {disagree.sum()} of {len(disagree)} images named otherwise than by Keras"
    return png(page([shown[index] for index in order], title))
