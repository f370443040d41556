"""The one constructor, over any `NetworkConfig`, and the public ones that are made of it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, cast

from keras_resnets._common.drawing import undrawn
from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.models.architecture import Architecture
from keras_resnets.models.arguments import NetworkArguments
from keras_resnets.models.config import NetworkConfig
from keras_resnets.models.placement import place_blocks

if TYPE_CHECKING:
    import keras

DEFAULT_SIZE = 224
DEFAULT_CLASSES = 1000


def build_network(
    variant: str, config: NetworkConfig, arguments: NetworkArguments
) -> "keras.Model":
    """Builds a network, with a classifier or without, and loads its weights.

    Args:
        variant: The constructor's name, under which the catalogue has the checkpoints.
        config: What the network is built of.
        arguments: What the user asked for.
    """
    import keras

    from keras_resnets.weights import InitialWeights

    arguments.check()
    initial = InitialWeights(variant, arguments.weights, key_of=config.source_key)
    checkpoint = initial.checkpoint
    input_shape = arguments.input_shape
    if input_shape is None and arguments.include_top:
        size = checkpoint.preprocessing.shape if checkpoint else (DEFAULT_SIZE, DEFAULT_SIZE)
        input_shape = (*size, 3)

    images = arguments.input_tensor
    if images is None:
        images = keras.Input(input_shape or (None, None, 3), name="images")
    _check_images(images, variant, config.strides)
    places = place_blocks(
        config.depths,
        config.stage_strides,
        stem_strides=config.stem_strides,
        output_stride=arguments.output_stride,
        drop_path_rate=arguments.drop_path_rate,
        drop_block_rate=arguments.drop_block_rate,
    )
    with undrawn(weights_follow=arguments.weights is not None):
        features = config.features(images, places)
    if arguments.include_top:
        classes = arguments.classes or initial.classes or DEFAULT_CLASSES
        outputs = _predictions(config.head(features), classes, arguments)
    else:
        outputs = _pooled(features, arguments.pooling)

    sources = [images]
    if arguments.input_tensor is not None:
        sources = keras.utils.get_source_inputs(images)
    # A list of one would make Keras warn of each batch that is not one.
    inputs = sources[0] if len(sources) == 1 else sources
    model = keras.Model(inputs, outputs, name=arguments.name or variant)
    initial.load(model, top=config.head_variables, classes_asked=arguments.classes is not None)
    return model


def _check_images(images: Tensor, variant: str, smallest: int) -> None:
    if len(images.shape) != 4 or images.shape[-1] is None:
        raise UserError(
            "Expected images of (height, width, channels) with a known number of channels. "
            f"Received: {tuple(images.shape[1:])}."
        )
    if any(side is not None and side < smallest for side in images.shape[1:3]):
        raise UserError(
            f"Expected images of at least {smallest}x{smallest} pixels, the strides of "
            f"{variant}. Received: {tuple(images.shape[1:])}. Enlarge the images, or build "
            "a free-form network with stem='small' or fewer stages."
        )


def _predictions(vectors: Tensor, classes: int, arguments: NetworkArguments) -> Tensor:
    import keras

    if arguments.drop_rate:
        vectors = keras.layers.Dropout(arguments.drop_rate, name="dropout")(vectors)
    # float32 under mixed precision too: a softmax over many classes needs the digits.
    return keras.layers.Dense(
        classes,
        activation=arguments.classifier_activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        dtype="float32",
        name="predictions",
    )(vectors)


def _pooled(features: Tensor, pooling: str | None) -> Tensor:
    import keras

    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name="max_pool")(features)
    return features


# Every named network, and every constructor by its name: the named ones' and the families'.
ARCHITECTURES: dict[str, Architecture] = {}
CONSTRUCTORS: dict[str, Callable[..., "keras.Model"]] = {}
FREE_FORM: dict[str, Callable[..., "keras.Model"]] = {}

Arguments = ParamSpec("Arguments")  # what every constructor takes
Fields = ParamSpec("Fields")  # of a family's configuration


class _VariantsOf(Generic[Arguments]):
    """Makes the function that a family's file makes its variants with.

    A `ParamSpec` is bound where a function is passed: this object is made of the one signature, and
    hands it on to every constructor, so that a type checker sees it whole.
    """

    def __init__(self, arguments: Callable[Arguments, NetworkArguments]):
        self._arguments = arguments

    def __call__(
        self, config: Callable[Fields, NetworkConfig]
    ) -> Callable[Concatenate[str, Fields], Callable[Arguments, "keras.Model"]]:
        def variant(
            name: str, /, *args: Fields.args, **kwargs: Fields.kwargs
        ) -> Callable[Arguments, "keras.Model"]:
            return self._constructor(Architecture.named(name, config(*args, **kwargs)))

        return variant

    def _constructor(self, architecture: Architecture) -> Callable[Arguments, "keras.Model"]:
        def constructor(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "keras.Model":
            arguments = self._arguments(*args, **kwargs)
            return build_network(architecture.name, architecture.config, arguments)

        _dress(constructor, architecture.name, self._arguments, architecture.summary)
        ARCHITECTURES[architecture.name] = architecture
        CONSTRUCTORS[architecture.name] = constructor
        return constructor


# `variant = variants_of(ResNeXtConfig)` in a family's file, then `variant("ResNeXt50", width=4)` is a
# public constructor, and the network is listed.
variants_of = _VariantsOf(NetworkArguments)


@dataclass(frozen=True)
class FreeForm(NetworkArguments, NetworkConfig):
    """A configuration and the usual arguments in one. A family derives from it and its own."""

    weights: str | None = None


def free_form(
    name: str, family: Callable[Arguments, FreeForm]
) -> Callable[Arguments, "keras.Model"]:
    """A family's constructor, which takes the fields of its configuration besides the arguments.

    Args:
        name: The family's, which is the constructor's too.
        family: A dataclass that derives from `FreeForm` and the family's configuration.
    """

    def constructor(*args: Arguments.args, **kwargs: Arguments.kwargs) -> "keras.Model":
        given = family(*args, **kwargs)
        return build_network(given.name or name, given, given)

    configurations = [
        inspect.getdoc(base) or ""
        for base in inspect.getmro(cast(type, family))
        if issubclass(base, NetworkConfig) and not issubclass(base, FreeForm)
    ]
    summary = f"{name}: a network of your own, configured by keyword."
    _dress(constructor, name, family, "\n\n".join([summary, *configurations]))
    FREE_FORM[name] = constructor
    return constructor


_OUTCOME = """Returns:
    A `keras.Model`.

Raises:
    ValueError: For an argument out of its range, an input too small for the network, or weights
        that are unknown, broken or do not fit.
    FileNotFoundError: For a path where there is no file.
    keras_resnets.weights.DownloadError: For a download that fails."""
_EXAMPLE = """Example:
    >>> import keras_resnets
    >>> keras_resnets.{name}(weights=None, classes=10).output_shape
    (None, 10)"""


def _dress(constructor: Any, name: str, parameters: Callable[..., Any], summary: str) -> None:
    """Gives a constructor what `help` shows."""
    signature = inspect.signature(parameters)
    constructor.__name__ = constructor.__qualname__ = name
    constructor.__module__ = "keras_resnets"
    constructor.__signature__ = signature.replace(return_annotation="keras.Model")
    arguments = inspect.getdoc(NetworkArguments)
    example = _EXAMPLE.format(name=name)
    constructor.__doc__ = f"{summary}\n\n{arguments}\n\n{_OUTCOME}\n\n{example}"
