"""`deploy`: a trained model rebuilt for inference."""

from typing import TYPE_CHECKING, Any

from keras_resnets.errors import UserError

# `keras_resnets` imports this module at once, and Keras takes seconds: the functions import it.
if TYPE_CHECKING:
    import keras


def deploy(model: "keras.Model") -> "keras.Model":
    """An equivalent model for inference; the given one is left as it is.

    Batch normalisation is folded into convolutions, narrow groups are merged to 8 channels, split
    attention takes its shortest form; dropout of all kinds is gone. Each block knows its own deployed
    form (`keras_resnets.layers.Deployable`): this function only walks, into nested models too. The
    layers keep their names, but where two models have one of the same name; the model can be saved and
    loaded, but not trained further to any good.

    Args:
        model: A functional or `Sequential` model, with blocks of this package somewhere in it.

    Returns:
        A flat functional `keras.Model` with the same inputs and outputs, whose outputs differ by
        rounding alone.

    Raises:
        UserError: For a subclassed model, an unbuilt one, or one that is deployed already.

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
    import keras

    if not _has_graph(model):
        raise UserError(
            "Expected a functional or a built Sequential model. "
            f"Received: {model.name}, a {type(model).__name__}."
        )
    deployed = _twin(model, set())
    while any(map(_has_graph, deployed.layers)):
        deployed = keras.models.clone_model(
            deployed, clone_function=lambda layer: layer, call_function=_inline
        )
    return deployed


def _twin(model: "keras.Model", taken: set[str]) -> "keras.Model":
    """The model with every layer in its deployed form, nested models still nested.

    Args:
        model: Functional or `Sequential`.
        taken: The names of layers that are made already; no two may share one in a flat model.
    """
    import keras

    from keras_resnets.layers import Deployable

    copies: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def twin(layer: keras.layers.Layer) -> keras.layers.Layer:
        if _has_graph(layer):
            return _twin(layer, taken)
        if isinstance(layer, Deployable):
            made = layer.deployed()
        else:
            made = type(layer).from_config(layer.get_config())
            # What stands in a graph without being a layer, such as `x * 2`, has no weights.
            if isinstance(layer, keras.layers.Layer):
                copies.append((layer, made))
        if made.name in taken:
            made.name = _free(f"{model.name}_{layer.name}", taken)
        taken.add(made.name)
        return made

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    deployed = keras.models.clone_model(model, clone_function=twin)
    for layer, copy in copies:
        copy.set_weights(layer.get_weights())
    return deployed


def _free(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken."""
    names = [name, *(f"{name}_{number}" for number in range(1, len(taken) + 1))]
    return next(one for one in names if one not in taken)


def _inline(layer: "keras.layers.Layer", *arguments: Any, **named: Any) -> Any:
    """Calls a layer; of a nested model its layers, one by one, in the graph around it."""
    return (layer.call if _has_graph(layer) else layer)(*arguments, **named)


def _has_graph(layer: "keras.layers.Layer") -> bool:
    """Whether it is a model whose layers are known: functional, or `Sequential` and built."""
    import keras

    return isinstance(layer, keras.Model) and bool(getattr(layer, "inputs", None))
