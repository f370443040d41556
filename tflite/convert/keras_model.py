"""The Keras model that is converted: deployed, with logits as its output and a fixed input shape."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

import keras_resnets
from keras_resnets.errors import UserError
from keras_resnets.features import all_layers
from keras_resnets.layers import GroupedConv2D
from keras_resnets.preprocessing import Preprocessing
from keras_resnets.quantization import Int8Simulation

from ..file.card import Activation
from .head import head_of, logits_of

NORMALIZE = "normalize"  # the layer that normalises pixels

# What a file can take: pixels, which it normalises itself, in either type, or normalised images.
Input = Literal["uint8", "float32", "normalised"]
INPUTS: Mapping[Input, str] = MappingProxyType(
    {
        "uint8": "pixels as bytes",
        "float32": "pixels as floats from 0 to 255",
        "normalised": "images as the network was trained on them, in float32",
    }
)
HALF = ("float16", "bfloat16")
# A scope in the converter's names of tensors.
SCOPE = re.compile(r"(?:^|/)(layer\d+x)(?:_\d+)?/")


@dataclass(frozen=True)
class Outline:
    """What a file's tables have to know of the network that was converted.

    Attributes:
        activation: What makes probabilities of the logits.
        scopes: Place of each layer by the scope in which TensorFlow traces it, in order: its name,
            or `LAYER/OPERATION` where a layer was opened.
        last: The name of the layer that makes the logits.
    """

    activation: Activation
    scopes: Mapping[str, str]
    last: str

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in order."""
        return tuple(dict.fromkeys(place.split("/")[0] for place in self.scopes.values()))

    def place_of(self, tensor: str) -> tuple[str, str] | None:
        """The layer in whose scope the converter made a tensor, and its name there.

        Args:
            tensor: Its name, such as `net_1/layer3x_1/conv1_1/Relu;net_1/layer3x_1/…`: the converter
                joins the names of what it fused, and the first is that of what the tensor holds.

        Returns:
            `None` where it was made outside of all layers.
        """
        name = tensor.split(";")[0]
        found = SCOPE.search(name)
        if found is None:
            return None
        layer, *operation = self.scopes[found[1]].split("/")
        return layer, "/".join([*operation, name[found.end() :]])


@dataclass(frozen=True)
class PhoneModel:
    """A classifier as it is converted.

    Attributes:
        model: The model from `images`, `(batch, height, width, channels)`, to `logits`.
        outline: What is known of it without its weights.
    """

    model: keras.Model
    outline: Outline


def phone_model(
    model: keras.Model,
    preprocessing: Preprocessing,
    *,
    batch: int | None = 1,
    takes: Input = "normalised",
) -> PhoneModel:
    """Rebuilds a classifier for conversion.

    Args:
        model: A functional or sequential classifier on normalised images.
        preprocessing: The model's, for the images' size and their normalisation.
        batch: Images a call; `None` for any number.
        takes: A key of `INPUTS`.

    Raises:
        UserError: Where the model is no classifier of such images, or cannot be deployed.
    """
    _check_expressible(model)
    operations = model.opened_network() if isinstance(model, Int8Simulation) else None
    deployed = _in_float32(keras_resnets.deploy(model)) if operations is None else operations.model
    blocks = {} if operations is None else operations.blocks
    _, *sides, channels = deployed.input_shape
    if any(has not in (None, wants) for has, wants in zip(sides, preprocessing.shape, strict=True)):
        raise UserError(
            f"Expected a model of images as its card says, {preprocessing.shape}. "
            f"Received: {model.name}, which takes {tuple(sides)}."
        )
    head = head_of(deployed)

    def traced(layer: keras.Operation) -> keras.Operation:
        block = blocks.get(layer.name, layer.name)
        if block != layer.name:
            return _Traced.of(layer, f"{block}/{layer.name}", scopes)
        # What is no layer, such as `x * 2`, goes with the layer that it follows.
        if not isinstance(layer, keras.layers.Layer):
            return layer
        return _Traced.of(layer, layer.name, scopes)

    _freeze_groups(deployed)
    scopes: dict[str, str] = {}
    images, inputs = _entry(preprocessing, (batch, *preprocessing.shape, channels), takes, scopes)
    network = keras.models.clone_model(
        keras.Model(deployed.input, logits_of(head)), clone_function=traced
    )
    activation: Activation = "softmax" if head.binary else head.activation
    return PhoneModel(
        keras.Model(images, network(inputs), name=model.name),
        Outline(activation, scopes, head.dense.name),
    )


def _check_expressible(model: keras.Model) -> None:
    """Refuses what no file can hold."""
    inputs = getattr(model, "inputs", None) or []  # of a subclassed model, which `deploy` refuses
    if len(inputs) > 1:
        raise UserError(
            "Expected a model of one input, the image. "
            f"Received: {model.name} with {len(inputs)}: {', '.join(one.name for one in inputs)}."
        )
    named = [layer.name for layer in all_layers(model) if isinstance(layer, keras.layers.Lambda)]
    if named:
        raise UserError(
            "Expected layers that can be rebuilt without running code from a file. Received: "
            f"{model.name} with Lambda {', '.join(named)}. Write them as layers of their own."
        )


def _in_float32(model: keras.Model) -> keras.Model:
    """The same flat model with every layer and its input in float32, whatever it was trained in.

    What half precision saves on a GPU, TFLite's operators do not have; the formats of a file come later.
    """

    def coarse(operation: keras.Operation) -> bool:
        if isinstance(operation, keras.layers.Layer):
            return bool(operation.dtype_policy.name != "float32")
        # A conversion: Keras has one where a model of half precision is nested.
        return getattr(operation, "dtype", None) in HALF

    def exact(operation: keras.Operation) -> keras.Operation:
        if not coarse(operation):
            return operation
        return type(operation).from_config({**operation.get_config(), "dtype": "float32"})

    takes = keras.backend.standardize_dtype(model.inputs[0].dtype)
    if takes not in HALF and not any(map(coarse, model.operations)):
        return model
    images = keras.Input(batch_shape=model.input_shape, dtype="float32")
    inputs = keras.tree.map_structure(lambda _: images, model.input)
    twin = keras.models.clone_model(model, input_tensors=inputs, clone_function=exact)
    twin.set_weights(model.get_weights())
    return twin


def _entry(
    preprocessing: Preprocessing,
    shape: tuple[int | None, ...],
    takes: Input,
    scopes: dict[str, str],
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """What the file takes, and the normalised images that the network takes."""
    if takes == "normalised":
        images = keras.Input(batch_shape=shape, name="images")
        return images, images
    if shape[-1] != len(preprocessing.mean):
        raise UserError(
            f"Expected a model of images with {len(preprocessing.mean)} channels, as many as are "
            f"normalised. Received: {shape[-1]}. Give --input normalised."
        )
    # Of bytes, the converter's CAST marks where they come in.
    images = keras.Input(batch_shape=shape, dtype=takes, name="images")
    normalize = Normalize(preprocessing, name=NORMALIZE)
    return images, _Traced.of(normalize, NORMALIZE, scopes)(images)


def _freeze_groups(model: keras.Model) -> None:
    """Has every grouped convolution converted to one operator, of groups as wide as a phone wants.

    Where this machine has no gradient of grouped convolutions, they would be converted in the form in
    which it trains them: split, convolved one by one and joined again.
    """
    for layer in all_layers(model):
        if isinstance(layer, GroupedConv2D) and layer.groups > 1 and layer.kernel.shape[2] > 1:
            layer.lowering = "frozen"


class _Traced(keras.layers.Layer):
    """A layer in a scope of its own, by which the converter's names of tensors lead back to it.

    The layer's own name would not do: TensorFlow numbers the scopes, and `conv_1` may be the second
    trace of `conv`.
    """

    def __init__(self, operation: keras.Operation, scope: str):
        super().__init__(name=scope, trainable=False, autocast=False)
        self.operation = operation
        self.built = True  # as the operation is

    @classmethod
    def of(cls, operation: keras.Operation, place: str, scopes: dict[str, str]) -> "_Traced":
        scope = f"layer{len(scopes)}x"  # the x ends the number: layer1x_1 is layer 1, traced again
        scopes[scope] = place
        return cls(operation, scope)

    def call(self, *arguments: Any, **named: Any) -> Any:
        return self.operation(*arguments, **named)

    def compute_output_spec(self, *arguments: Any, **named: Any) -> Any:
        return self.operation.compute_output_spec(*arguments, **named)


class Normalize(keras.layers.Layer):
    """`Preprocessing.normalize` as one multiplication and one addition, of `(…, width, channels)`.

    Their constants are as wide as a row of the image: XNNPACK takes the values of a row at once then.
    Of constants of three channels it takes three values at a time, which costs 10 times as much
    (`python -m benchmarks.phone_inputs`).
    """

    def __init__(self, preprocessing: Preprocessing, *, name: str):
        super().__init__(name=name, trainable=False)
        mean = 255 * np.asarray(preprocessing.mean)
        std = 255 * np.asarray(preprocessing.std)
        _, width = preprocessing.shape
        self._scale = np.tile(1 / std, (width, 1)).astype("float32")
        self._offset = np.tile(-mean / std, (width, 1)).astype("float32")

    def call(self, pixels: Any) -> Any:
        """Pixels from 0 to 255, normalised, in float32."""
        return ops.cast(pixels, "float32") * self._scale + self._offset
