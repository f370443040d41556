"""`deploy`: a trained model rebuilt for inference."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def deploy(model: "keras.Model") -> "keras.Model":
    """An equivalent model for inference; the given one is left as it is.

    Batch normalisation is folded into convolutions, narrow groups are merged to 8 channels, split
    attention takes its shortest form; dropout of all kinds is gone. Each block knows its own deployed
    form (`keras_resnets.layers.Deployable`): this function only walks. The model keeps its
    layers' names, and can be saved and loaded, but not trained further to any good.

    Args:
        model: A flat functional model with blocks of this package.

    Returns:
        A `keras.Model` with the same inputs and outputs, whose outputs differ by rounding alone.

    Raises:
        ValueError: For a subclassed model, an unbuilt one, or one that is deployed already.

    Example:
        >>> import numpy as np
        >>> import keras_resnets
        >>> model = keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3)
        >>> deployed = keras_resnets.deploy(model)
        >>> model.count_params() - deployed.count_params() > 0
        True
        >>> images = np.ones((1, 224, 224, 3), "float32")
        >>> np.allclose(deployed.predict_on_batch(images), model.predict_on_batch(images), atol=1e-5)
        True
    """
    # `keras_resnets` imports this module at once, and Keras takes seconds.
    import keras

    from keras_resnets.layers import Deployable

    twins: dict[str, keras.layers.Layer] = {}

    def twin(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, Deployable):
            return layer.deployed()
        twins[layer.name] = type(layer).from_config(layer.get_config())
        return twins[layer.name]

    deployed = keras.models.clone_model(model, clone_function=twin)
    for name, layer in twins.items():
        layer.set_weights(model.get_layer(name).get_weights())
    return deployed
