"""The network of a run, from its configuration."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import keras

import keras_resnets
from keras_resnets.errors import UserError, near_miss

from .config import Config, Model

# What the run decides, and a recipe's `model.arguments` may not.
_DECIDED = {
    *("include_top", "weights", "input_tensor", "input_shape", "pooling"),
    *("classes", "classifier_activation", "name"),
}


def constructor(model: Model) -> Callable[..., keras.Model]:
    """The constructor of the network with the recipe's arguments.

    Raises:
        UserError: For an unknown name or argument, with the near miss.
    """
    families = {name: getattr(keras_resnets, name) for name in keras_resnets.list_families()}
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


def in_training(config: Config, classes: int) -> keras.Model:
    """The network from its first weights, to logits, with what does not learn frozen.

    Args:
        config: Of the run.
        classes: Number of the data's.

    Raises:
        UserError: For whatever the constructor refuses.
    """
    network = _build(config, classes, config.model.weights, None, config.precision)
    if config.model.freeze:
        keras_resnets.freeze_stages(network, config.model.freeze)
    if config.distribution.sync_batch_norm:
        for layer in all_layers(network):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
    return network


def served(config: Config, classes: int) -> keras.Model:
    """The same network in float32, to probabilities, without the first weights."""
    return _build(config, classes, None, "softmax", "float32")


def set_drop_block_rate(network: keras.Model, share: float) -> None:
    """Gives every DropBlock a share of its full rate."""
    for layer in all_layers(network):
        if isinstance(layer, keras_resnets.layers.DropBlock):
            layer.rate.assign(layer.initial_rate * share)


def all_layers(network: keras.Model) -> list[Any]:
    """Every layer, those inside the blocks too. Keras has no public way to them."""
    return list(network._flatten_layers(include_self=False))


def _build(
    config: Config, classes: int, weights: str | None, activation: str | None, precision: str
) -> keras.Model:
    size = config.preprocessing.size
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(config.seed)
    try:
        return constructor(config.model)(
            weights=weights,
            input_shape=(size, size, 3),
            classes=classes,
            classifier_activation=activation,
        )
    finally:
        keras.config.set_dtype_policy(before)
