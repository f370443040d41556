"""The network of a run, from its configuration."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

import keras_resnets
from keras_resnets.errors import UserError, near_miss

from .config import Model

# What the run decides, and a recipe's `model.arguments` may not.
_DECIDED = {
    *("include_top", "weights", "input_tensor", "input_shape", "pooling"),
    *("classes", "classifier_activation", "name"),
}


def constructor(model: Model) -> Callable[..., keras.Model]:
    """The constructor of the network with the recipe's arguments.

    Raises:
        UserError: for an unknown name or argument, with the near miss.
    """
    families = {name: getattr(keras_resnets, name) for name in _FAMILIES}
    try:
        function = families.get(model.name) or getattr(
            keras_resnets, keras_resnets.model_info(model.name).name
        )
    except ValueError:
        known = [*families, *keras_resnets.list_models()]
        raise UserError(f"Unknown model {model.name!r}. {near_miss(model.name, known)}") from None
    arguments = set(inspect.signature(function).parameters) - _DECIDED
    for argument in model.arguments:
        if argument not in arguments:
            raise UserError(
                f"Unknown key 'model.arguments.{argument}'. {near_miss(argument, arguments)}"
            )
    return functools.partial(function, **model.arguments)


def build(
    model: Model, *, classes: int, size: int, activation: str | None = None, seed: int = 0
) -> keras.Model:
    """Builds the network for `classes` classes of `size` x `size` images.

    Args:
        activation: of the classifier: `None` for logits, as training has them.
        seed: of the initial weights and of all later draws of its layers.

    Raises:
        UserError: for an unknown name or argument, or whatever the constructor refuses.
    """
    keras.utils.set_random_seed(seed)
    try:
        return constructor(model)(
            weights=model.weights,
            input_shape=(size, size, 3),
            classes=classes,
            classifier_activation=activation,
        )
    except (ValueError, OSError) as error:
        raise UserError(str(error)) from error


# The free-form constructors, which take depths and widths as arguments.
_FAMILIES = [
    name for name in ("ResNeXt", "ResNeSt", "Res2Net", "ReXNet") if hasattr(keras_resnets, name)
]


def synchronize_batch_norm(network: keras.Model) -> None:
    """Makes every batch normalisation take its statistics over all replicas."""
    for layer in all_layers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True


def freeze(network: keras.Model, prefixes: tuple[str, ...]) -> None:
    """Stops layers from learning, their batch statistics too.

    Args:
        prefixes: starts of the layers' names.

    Raises:
        UserError: for a prefix that no layer has.
    """
    names = [layer.name for layer in network.layers if layer.weights]
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in names):
            raise UserError(f"Unknown layer model.freeze={prefix!r}. {near_miss(prefix, names)}")
    for layer in network.layers:
        if prefixes and layer.name.startswith(prefixes):
            layer.trainable = False


def set_drop_block_rate(network: keras.Model, share: float) -> None:
    """Gives every DropBlock a share of its full rate."""
    for layer in all_layers(network):
        if isinstance(layer, keras_resnets.layers.DropBlock):
            layer.rate.assign(layer.initial_rate * share)


def all_layers(network: keras.Model) -> list[Any]:
    """Every layer, those inside the blocks too. Keras has no public way to them."""
    return list(network._flatten_layers(include_self=False))
