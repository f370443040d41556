"""The network of a run, from its configuration."""

import functools
import inspect
import reprlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from pydantic import ConfigDict, TypeAdapter, ValidationError

import keras_resnets
from keras_resnets._common.drawing import undrawn
from keras_resnets.card import Card, card_path
from keras_resnets.data import as_written
from keras_resnets.errors import UserError, near_miss
from keras_resnets.features import all_layers, stages
from keras_resnets.quantization import Int8Simulation
from keras_resnets.weights import FreshHeadWarning

from .config import Config, Model
from .inference import in_inference

# What the run decides, and a recipe's `model.arguments` may not.
_DECIDED = {
    *("include_top", "weights", "input_tensor", "input_shape", "pooling"),
    *("classes", "classifier_activation", "name"),
}
# Of whole numbers and of factors in `model.arguments`: beyond, a typing error fills the memory.
LARGEST, WIDEST = 1024, 10.0
CLASSIFIER = "predictions"  # the last layer of every network
_FINITE = ConfigDict(allow_inf_nan=False)


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
        names = [*families, *keras_resnets.list_models()]
        raise UserError(f"Unknown model {model.name!r}. {near_miss(model.name, names)}") from None
    parameters = inspect.signature(function).parameters
    known = {name: parameters[name].annotation for name in parameters if name not in _DECIDED}
    for argument in model.arguments:
        if argument not in known:
            raise UserError(
                f"Unknown key 'model.arguments.{argument}'. {near_miss(argument, known)}"
            )
    checked = {
        argument: _checked(argument, value, known[argument])
        for argument, value in model.arguments.items()
    }
    return functools.partial(function, **checked)


def _checked(argument: str, value: Any, annotation: Any) -> Any:
    """A recipe's value as the constructor's own type, and of a size that a machine can hold.

    What the number means is the constructor's to check.
    """
    try:
        found = TypeAdapter(annotation, config=_FINITE).validate_python(value)
    except ValidationError as error:
        (problem, *_) = error.errors(include_url=False, include_input=False)
        raise UserError(
            f"model.arguments.{argument}: {problem['msg']}. Received: {reprlib.repr(value)}."
        ) from None
    numbers = found if isinstance(found, tuple) else (found,)
    for number in numbers:
        if isinstance(number, bool | str | None):
            continue
        low, high = (1, LARGEST) if isinstance(number, int) else (-WIDEST, WIDEST)
        if not low <= number <= high:
            raise UserError(
                f"Expected model.arguments.{argument} from {low:g} to {high:g}. "
                f"Received: {number:g}."
            )
    if len(numbers) > 1 and sum(numbers) > LARGEST:
        raise UserError(
            f"Expected at most {LARGEST} blocks in all. Received: {argument}={reprlib.repr(value)}."
        )
    return found


def built(config: Config) -> keras.Model:
    """The network for two classes, or as many as the recipe says: what cannot be built is refused here.

    Reading the photos may take minutes, and comes after that.

    Args:
        config: The run's config.

    Returns:
        The network in float32, to probabilities, without its first weights.

    Raises:
        UserError: For such a network.
    """
    if config.quantize and config.model.weights is None:
        raise UserError(
            f"Expected a trained network with quantize={config.quantize}. Received: none. "
            "Name its run: keras-resnets train --quantize int8 --from RUN."
        )
    with undrawn():
        return _build(config, config.model.classes or 2, None, "softmax", "float32")


def start_in_words(model: Model) -> str:
    """What the network starts from, as one line."""
    if model.weights is None:
        return f"{model.name} starts from random weights."
    return f"{model.name} starts from {model.weights}; its classifier is new where the classes are."


def in_training(
    config: Config,
    class_names: Sequence[str],
    *,
    multi_label: bool = False,
    restored: bool = False,
) -> keras.Model:
    """The network from its first weights, to logits, with what does not learn frozen.

    Weights of another classification bring everything but the classifier, which starts at random.

    Args:
        config: The run's config.
        class_names: Names of the data's classes.
        multi_label: Whether an image has any number of them.
        restored: Whether all weights will come from a checkpoint of the run: the first ones, which may
            no longer be where they were, are not read.

    Raises:
        UserError: For whatever the constructor refuses.
    """
    weights = None if restored else config.model.weights
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FreshHeadWarning)  # it is what is meant, and was said
        network = _build(config, len(class_names), weights, None, config.precision)
    if weights is not None and _is_of_others(weights, class_names, multi_label):
        head = network.get_layer(CLASSIFIER)
        for variable, initializer in (
            (head.kernel, head.kernel_initializer),
            (head.bias, head.bias_initializer),
        ):
            variable.assign(initializer(variable.shape))
    if config.quantize:
        return Int8Simulation(keras_resnets.deploy(network))
    if config.model.freeze:
        keras_resnets.freeze_stages(network, config.model.freeze)
    if config.distribution.sync_batch_norm:
        for layer in all_layers(network):
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
    return network


def _is_of_others(weights: str, class_names: Sequence[str], multi_label: bool) -> bool:
    """Whether a card says that weights answer for other classes, be they as many, or otherwise."""
    path = Path(weights)
    if path.suffix != ".keras" or not card_path(path).is_file():
        return False
    card = Card.load(path)
    return (card.class_names, card.multi_label) != (tuple(class_names), multi_label)


def served(
    config: Config, network: keras.Model, classes: int, activation: str = "softmax"
) -> keras.Model:
    """The network as it will be saved: in float32, to probabilities, its weights yet to come.

    Args:
        config: The run's config.
        network: What `built` gives, whose layers it shares but for the classifier.
        classes: Number of classes of the data.
        activation: What makes probabilities of logits.
    """
    head = network.get_layer(CLASSIFIER)
    settings = {**head.get_config(), "units": classes, "activation": activation}
    outputs = type(head).from_config(settings)(head.input)
    whole = keras.Model(network.input, outputs, name=network.name)
    return Int8Simulation(keras_resnets.deploy(whole)) if config.quantize else whole


def stages_of(network: keras.Model) -> int:
    """Number of the stem and the stages, which can be frozen."""
    blocks = network.network if isinstance(network, Int8Simulation) else network
    return len(stages(blocks)) - 1


def set_ranges(network: Int8Simulation, config: Config, batches: Iterable[Any]) -> None:
    """Gives every activation of a network the range that it takes on some training images.

    Args:
        network: The network in training, under any strategy.
        config: The run's config.
        batches: Batches of images and targets.
    """
    copy = served(config, built(config), network.output_shape[-1])
    copy.set_weights(network.get_weights())
    copy.calibrate(np.asarray(images) for images, _ in batches)
    for variable, value in zip(network.weights, copy.get_weights(), strict=True):
        variable.assign(value)


def split(network: keras.Model, count: int) -> tuple[keras.Model, keras.Model]:
    """The first parts of a network, from images to maps, and the others, from maps to its outputs.

    Args:
        network: A network with a classifier, whose layers and weights both share.
        count: Number of parts, of the stem and the stages, at least 1.
    """
    maps = _after(network, count)
    return keras.Model(network.input, maps), keras.Model(maps, network.output)


def to_features(network: keras.Model, count: int) -> keras.Model:
    """The network behind its first parts, 0 for all of it, up to what its classifier sees."""
    return keras.Model(_after(network, count), network.get_layer(CLASSIFIER).input)


def _after(network: keras.Model, count: int) -> Any:
    """What so many parts of a network give, a symbolic tensor of the network's own graph."""
    if not count:
        return network.input
    parts = stages(network)[:-1]
    if count > len(parts):
        raise UserError(
            f"Expected model.freeze from 0 to {len(parts)}, the stem and the stages of "
            f"{network.name}. Received: {count}."
        )
    return parts[count - 1][-1].output


def forward(network: keras.Model, config: Config) -> Any:
    """The function that learns: from photos to logits, or from the maps of the frozen stages.

    Args:
        network: The network in training.
        config: The run's config, settled.
    """
    if not config.model.freeze:
        return network
    frozen, learning = split(network, config.model.freeze)
    if config.cache.views:
        return learning
    # Their own layers that drop something do not.
    return lambda images, training: learning(frozen(images, training=False), training=training)


@as_written
def learning_part(
    network: keras.Model, photos: "tf.data.Dataset", config: Config
) -> tuple[keras.Model, "tf.data.Dataset"]:
    """The part of a network that learns, and batches of photos as it sees them."""
    if not config.model.freeze:
        return network, photos
    frozen, learning = split(network, config.model.freeze)
    compute = in_inference(frozen)
    return learning, photos.map(lambda images, targets: (compute(images), targets))


def set_classifier(network: keras.Model, kernel: Any, bias: Any) -> None:
    """Gives the last layer these weights."""
    classifier = network.get_layer(CLASSIFIER)
    classifier.kernel.assign(kernel)
    classifier.bias.assign(bias)


def set_drop_block_rate(network: keras.Model, share: float) -> None:
    """Gives every DropBlock a share of its full rate."""
    for layer in all_layers(network):
        if isinstance(layer, keras_resnets.layers.DropBlock):
            layer.rate.assign(layer.initial_rate * share)


def _build(
    config: Config, classes: int, weights: str | None, activation: str | None, precision: str
) -> keras.Model:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(config.seed)
    try:
        return constructor(config.model)(
            weights=weights,
            input_shape=(*config.preprocessing.shape, 3),
            classes=classes,
            classifier_activation=activation,
        )
    finally:
        keras.config.set_dtype_policy(before)
