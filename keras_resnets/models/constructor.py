"""The one constructor: `keras.applications`' signature over any `Architecture`."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import keras

from keras_resnets.errors import UserError
from keras_resnets.models.architecture import Architecture
from keras_resnets.weights import load_checkpoint, registered_checkpoint

DEFAULT_SIZE = 224
DEFAULT_CLASSES = 1000
OUTPUT_STRIDES = (8, 16, 32)

Arguments = ParamSpec("Arguments")


def classifier(
    architecture: Architecture,
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_tensor: Any = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    *,
    output_stride: int = 32,
    drop_path_rate: float = 0.0,
    drop_block_rate: float = 0.0,
    drop_rate: float = 0.0,
) -> keras.Model:
    """Builds the network.

    The model is a flat functional graph, `stem → stage1_block1 → … → avg_pool → predictions`, over
    normalised images in float32, `(batch, height, width, channels)`: see
    `keras_resnets.preprocess_input`.

    Args:
        include_top: whether the pooling and the classifier are part of the model.
        weights: `None` for a random start, `"imagenet"` for the best permissively licensed
            checkpoint, a checkpoint's tag, or the path of a `.safetensors`, `.weights.h5` or `.keras`
            file.
        input_tensor: a Keras tensor to build upon, in place of a new input.
        input_shape: `(height, width, channels)`; sides may be `None`. By default the size that the
            checkpoint was trained for, or 224x224, in RGB; with free sides where
            `include_top=False`. A checkpoint's first convolution is adapted to another number of
            channels: summed for one, repeated in turn for more.
        pooling: without the top, `None` for the feature map, `"avg"` or `"max"` for one vector an
            image.
        classes: outputs of the classifier. By default as many as the checkpoint has, or 1000. With
            another number than the checkpoint's the classifier starts at random.
        classifier_activation: of the last layer; `None` for logits.
        name: the model's.
        output_stride: input pixels a side to one position of the last feature map: 32, or with
            dilated convolutions 16 or 8.
        drop_path_rate: stochastic depth of the last block, in `[0, 1)`; earlier blocks have less.
        drop_block_rate: DropBlock's rate in the last two stages, in `[0, 1)`.
        drop_rate: dropout before the classifier, in `[0, 1)`.

    Returns:
        A `keras.Model`.

    Raises:
        ValueError: for an argument out of its range, an input too small for the network, or weights
            that are unknown, broken or do not fit.
        FileNotFoundError: for a path where there is no file.
        keras_resnets.weights.DownloadError: for a download that fails.
    """
    if pooling not in (None, "avg", "max"):
        raise UserError(f"Expected pooling to be None, 'avg' or 'max'. Received: {pooling!r}.")
    if output_stride not in OUTPUT_STRIDES:
        raise UserError(
            f"Expected an output_stride of {OUTPUT_STRIDES}. Received: {output_stride}."
        )
    if classes is not None and classes < 1:
        raise UserError(f"Expected classes of 1 or more. Received: classes={classes}.")
    rates = {
        "drop_path_rate": drop_path_rate,
        "drop_block_rate": drop_block_rate,
        "drop_rate": drop_rate,
    }
    for argument, rate in rates.items():
        if not 0 <= rate < 1:
            raise UserError(f"Expected {argument} in [0, 1). Received: {rate}.")

    checkpoint = registered_checkpoint(architecture.name, weights)
    if input_shape is None and include_top:
        size = checkpoint.preprocessing.shape if checkpoint else (DEFAULT_SIZE, DEFAULT_SIZE)
        input_shape = (*size, 3)
    if classes is None:
        classes = checkpoint.classes if checkpoint else DEFAULT_CLASSES

    images = _images(architecture, input_tensor, input_shape or (None, None, 3))
    features = architecture.features(
        images,
        output_stride=output_stride,
        drop_path_rate=drop_path_rate,
        drop_block_rate=drop_block_rate,
    )
    if include_top:
        outputs = _predictions(
            architecture.head(features),
            classes,
            classifier_activation,
            drop_rate,
        )
    else:
        outputs = _pooled(features, pooling)
    sources = [images] if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    # A list of one would make Keras warn of each batch that is not one.
    inputs = sources[0] if len(sources) == 1 else sources
    model = keras.Model(inputs, outputs, name=name or architecture.name)
    load_checkpoint(
        model,
        architecture.name,
        weights,
        key_of=architecture.source_key,
        top=architecture.head_variables,
    )
    return model


def _images(
    architecture: Architecture,
    input_tensor: Any,
    input_shape: tuple[int | None, int | None, int],
) -> Any:
    images = keras.Input(input_shape, name="images") if input_tensor is None else input_tensor
    if len(images.shape) != 4 or images.shape[-1] is None:
        raise UserError(
            "Expected images of (height, width, channels) with a known number of channels. "
            f"Received: {tuple(images.shape[1:])}."
        )
    smallest = architecture.strides
    if any(side is not None and side < smallest for side in images.shape[1:3]):
        raise UserError(
            f"Expected images of at least {smallest}x{smallest} pixels, the strides of "
            f"{architecture.name}. Received: {tuple(images.shape[1:])}. Enlarge the images, or build "
            "a free-form network with stem='small' or fewer stages."
        )
    return images


def _predictions(vectors: Any, classes: int, activation: str | None, drop_rate: float) -> Any:
    if drop_rate:
        vectors = keras.layers.Dropout(drop_rate, name="dropout")(vectors)
    # float32 under mixed precision too: a softmax over many classes needs the digits.
    return keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="predictions",
    )(vectors)


def _pooled(features: Any, pooling: str | None) -> Any:
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name="max_pool")(features)
    return features


# Every named network, by its constructor's name.
ARCHITECTURES: dict[str, Architecture] = {}
CONSTRUCTORS: dict[str, Callable[..., keras.Model]] = {}


def variant(architecture: Architecture) -> Callable[..., keras.Model]:
    """The public constructor of a named network, which also joins the list of models."""
    constructor = _bind(classifier, architecture)
    ARCHITECTURES[architecture.name] = architecture
    CONSTRUCTORS[architecture.name] = constructor
    return constructor


def _bind(
    build: Callable[Concatenate[Architecture, Arguments], keras.Model], architecture: Architecture
) -> Callable[Arguments, keras.Model]:
    def constructor(*args: Arguments.args, **kwargs: Arguments.kwargs) -> keras.Model:
        return build(architecture, *args, **kwargs)

    signature = inspect.signature(build)
    shown = [p for p in signature.parameters.values() if p.name != "architecture"]
    _dress(constructor, architecture.name, signature.replace(parameters=shown))
    constructor.__doc__ = f"{_summary(architecture)}\n\n{inspect.getdoc(build)}"
    return constructor


def free_form(name: str, family: type[Architecture]) -> Callable[..., keras.Model]:
    """A constructor that takes a family's configuration and the usual arguments, all by keyword."""
    own = {field.name for field in dataclasses.fields(family)} - _DESCRIPTIVE
    usual = [
        p.replace(kind=p.KEYWORD_ONLY, default=None if p.name == "weights" else p.default)
        for p in inspect.signature(classifier).parameters.values()
        if p.name != "architecture"
    ]
    configuration = [
        inspect.Parameter(
            f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type
        )
        for f in dataclasses.fields(family)
        if f.name in own
    ]
    signature = inspect.Signature([*configuration, *usual], return_annotation=keras.Model)

    def constructor(*args: Any, **kwargs: Any) -> keras.Model:
        arguments = signature.bind(*args, **kwargs).arguments
        configuration = {key: arguments.pop(key) for key in own & arguments.keys()}
        architecture = family(name=arguments.get("name") or name, **configuration)
        return classifier(architecture, **{"weights": None, **arguments})

    _dress(constructor, name, signature)
    constructor.__doc__ = (
        f"Builds a {name} that need not be among the named ones, by keyword arguments.\n\n"
        f"Its configuration:\n\n{inspect.getdoc(family)}\n\nThe rest:\n\n{inspect.getdoc(classifier)}"
    )
    return constructor


# What a free-form network cannot claim.
_DESCRIPTIVE = {field.name for field in dataclasses.fields(Architecture)}


def _dress(constructor: Any, name: str, signature: inspect.Signature) -> None:
    constructor.__name__ = constructor.__qualname__ = name
    constructor.__module__ = "keras_resnets"
    constructor.__signature__ = signature


def _summary(architecture: Architecture) -> str:
    lines = [f"{architecture.name} ({architecture.paper})."]
    if architecture.parameters is not None:
        lines.append(
            f"{architecture.parameters:,} parameters with 1000 classes; "
            f"{architecture.gmacs} billion multiply-accumulates at 224x224."
        )
    if architecture.timm is not None:
        lines.append(f"timm's name: {architecture.timm}.")
    return "\n".join(lines)
