"""The Keras model that is converted: deployed, with logits as its output and a fixed input shape."""

import keras
import numpy as np
from keras import ops

import keras_resnets
from keras_resnets.errors import UserError
from keras_resnets.layers import GroupedConv2D
from keras_resnets.preprocessing import Preprocessing


def phone_model(
    model: keras.Model,
    preprocessing: Preprocessing,
    *,
    batch: int | None = 1,
    embed_preprocessing: bool = False,
) -> keras.Model:
    """Rebuilds a classifier for conversion.

    Its outputs are logits: a softmax in int8 keeps 8 bits of a probability, and what is compared with
    Keras must be what the file computes. Whoever reads a file takes the softmax.

    Args:
        model: a functional classifier of this package, on normalised images.
        preprocessing: the model's, for the images' size and their normalisation.
        batch: images a call; `None` for any number.
        embed_preprocessing: whether the model takes pixels (0 to 255) and normalises them itself.

    Returns:
        A model with input `images`, `(batch, height, width, channels)`, and output `logits`.

    Raises:
        ValueError: where the model is no classifier, or cannot be deployed.
    """
    deployed = logits_model(keras_resnets.deploy(model))
    _freeze_groups(deployed)
    shape = (batch, *preprocessing.shape, deployed.input.shape[-1])
    # As bytes, so that the converter's CAST marks where the pixels come in.
    dtype = "uint8" if embed_preprocessing else "float32"
    images = keras.Input(batch_shape=shape, dtype=dtype, name="images")
    inputs = Normalize(preprocessing, name="normalize")(images) if embed_preprocessing else images
    return keras.Model(images, deployed(inputs), name=model.name)


def logits_model(model: keras.Model) -> keras.Model:
    """The same model without the activation of its last layer.

    Raises:
        ValueError: where the last layer is not a classifier, `Dense`.
    """
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense):
        raise UserError(
            "Expected a classifier, whose last layer is Dense. "
            f"Received: {model.name} with {type(last).__name__} {last.name}. "
            "Build it with include_top=True."
        )
    logits = keras.layers.Dense(last.units, dtype=last.dtype_policy, name=last.name)
    outputs = logits(last.input)
    logits.set_weights(last.get_weights())
    return keras.Model(model.input, outputs, name=model.name)


def _freeze_groups(model: keras.Model) -> None:
    """Has every grouped convolution converted to one operator, of groups as wide as a phone wants.

    Where this machine has no gradient of grouped convolutions, they would be converted in the form in
    which it trains them: split, convolved one by one and joined again.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, GroupedConv2D) and layer.groups > 1 and layer.kernel.shape[2] > 1:
            layer.lowering = "frozen"


class Normalize(keras.layers.Layer):
    """`Preprocessing.normalize` as one multiplication and one addition: `(…, channels)` uint8."""

    def __init__(self, preprocessing: Preprocessing, *, name: str):
        super().__init__(name=name, trainable=False)
        mean = 255 * np.asarray(preprocessing.mean)
        std = 255 * np.asarray(preprocessing.std)
        self._scale = (1 / std).astype("float32")
        self._offset = (-mean / std).astype("float32")

    def call(self, pixels):
        return ops.cast(pixels, "float32") * self._scale + self._offset
