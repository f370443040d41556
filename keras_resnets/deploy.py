"""`deploy`: a trained model rebuilt for inference."""

import keras

from keras_resnets.layers.deployable import Deployable


def deploy(model: keras.Model) -> keras.Model:
    """An equivalent model for inference; the given one is left as it is.

    Batch normalisation is folded into convolutions, narrow groups are merged to 16 channels, split
    attention takes its shortest form; dropout of all kinds is gone. Each block knows its own deployed
    form (`keras_resnets.layers.deployable.Deployable`): this function only walks. The model keeps its
    layers' names, and can be saved and loaded, but not trained further to any good.

    Args:
        model: a functional model with blocks of this package.

    Returns:
        A `keras.Model` with the same inputs and outputs, whose outputs differ by rounding alone.

    Raises:
        ValueError: for a model that is not functional, or is deployed already.
    """
    if not isinstance(model, keras.src.models.Functional):
        raise ValueError(
            "Expected a functional Keras model. "
            f"Received: {type(model).__name__} {getattr(model, 'name', '')}."
        )
    return keras.models.clone_model(model, clone_function=_deployed)


def _deployed(layer: keras.layers.Layer) -> keras.layers.Layer:
    if isinstance(layer, Deployable):
        return layer.deployed()
    return layer
