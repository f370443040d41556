"""What is exported to other runtimes: a classifier in deployed form, from pixels to probabilities."""

import keras
import numpy as np

from ..convert.keras_model import phone_model
from ..trained import TrainedModel

CARD = "keras_resnets_card"  # its key, where a format takes texts by key


def served_model(trained: TrainedModel) -> keras.Model:
    """The model from pixels, `(n, height, width, 3)` uint8, to probabilities, `(n, classes)` float32.

    It is what a phone's file computes: norms folded, each grouped convolution one operator, the images
    normalised inside.

    Raises:
        UserError: Where the model is no classifier that can be deployed.
    """
    preprocessing = trained.card.preprocessing
    phone = phone_model(trained.model, preprocessing, batch=None, takes="uint8")
    activation = keras.layers.Activation(
        phone.outline.activation, dtype="float32", name="probabilities"
    )
    shape = phone.model.input_shape
    pixels = keras.Input(batch_shape=shape, dtype="uint8", name="pixels")
    model = keras.Model(pixels, activation(phone.model(pixels)), name=trained.card.architecture)
    model(np.zeros((1, *shape[1:]), "uint8"))  # Keras exports to ONNX what was called, nothing else
    return model
