"""`Int8Simulation`: a network that rounds where its int8 file will."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.quantization.operations import Operations, maker, opened
from keras_resnets.quantization.rounding import LEVELS, FakeQuantize, RoundedWeights

SUFFIX = "_int8"  # of the names of what rounds an operation's output
IMAGES = "images"

# Kinds of operations, by the names of their classes in Keras.
# What hands values on, in the steps in which they came.
HANDS_ON = {"Pad", "MaxPool", "Split", "Reshape", "Dropout", "MaxPooling2D", "ZeroPadding2D"}
# What has no int8 kernel on a phone, and is computed in float32 (`tflite/formats.py`).
IN_FLOAT = {"AveragePool", "AveragePooling2D", "Divide", "Exp", "Maximum", "Subtract", "TrueDivide"}
# What is one operator with the convolution or sum before it.
FUSED = {"ReLU", "Relu", "Relu6"}
TAKES_FUSED = {"Add", "DepthwiseConv", "Multiply"}


@keras.saving.register_keras_serializable(package="keras_resnets")
class Int8Simulation(keras.Model):
    """A deployed network with fake quantisation exactly where its exported int8 file rounds.

    Every convolution and dense layer has its weights rounded for each output channel, and every
    activation that the file stores is rounded to a range that learns: behind the fused activation,
    before the first convolution, and not where values are handed on (padding, maximum pools, splits).
    The normalisation of pixels, the pooled features and the logits are in float32, as in the file.

    Input and output: those of the network.

    Args:
        deployed: What `keras_resnets.deploy` makes of a network of this package.

    Raises:
        UserError: For layers with weights that are no convolution and no dense layer.

    Example:
        >>> import numpy as np
        >>> import keras_resnets
        >>> from keras_resnets.quantization import Int8Simulation
        >>> network = keras_resnets.ResNeXt(depths=(1,), planes=16, input_shape=(32, 32, 3), classes=3)
        >>> simulation = Int8Simulation(keras_resnets.deploy(network))
        >>> images = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype("float32")
        >>> simulation.calibrate([images])
        >>> exact = network.predict_on_batch(images)
        >>> difference = np.abs(simulation.predict_on_batch(images) - exact).max()
        >>> bool(0 < difference < 0.05)
        True
    """

    def __init__(self, deployed: keras.Model, **kwargs: Any):
        self._check(deployed)
        operations = opened(deployed)
        flat = _with_rounding(operations)
        super().__init__(
            inputs=flat.inputs[0], outputs=flat.outputs[0], **{"name": deployed.name, **kwargs}
        )
        # Behind a function, since Keras would save what it holds twice.
        self._opened: Callable[[], tuple[keras.Model, Operations]] = lambda: (deployed, operations)

    @property
    def network(self) -> keras.Model:
        """The deployed network, with these weights and without rounding."""
        return self._opened()[0]

    @property
    def blocks(self) -> dict[str, str]:
        """The layer of the network that each operation belongs to, by the operation's name."""
        return dict(self._opened()[1].blocks)

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of what each operation gives, by its name; `images` is what the network takes.

        An operation that only hands values on has the range of what it is given; one in float32, and
        one whose activation is the next operation, has none.
        """
        found = {
            layer.name.removesuffix(SUFFIX): (float(layer.low), float(layer.high))
            for layer in self.layers
            if isinstance(layer, FakeQuantize)
        }
        for operation, inputs, _ in self._opened()[1].in_order():
            if _kind(operation) in HANDS_ON:
                before, _ = maker(inputs[0])
                name = IMAGES if isinstance(before, keras.layers.InputLayer) else before.name
                if name in found:
                    found[operation.name] = found[name]
        return found

    def opened_network(self) -> Operations:
        """The network without rounding, as its operations: a copy with weights of its own."""
        deployed, _ = self._opened()
        copy = keras.models.clone_model(deployed)
        copy.set_weights(deployed.get_weights())
        return opened(copy)

    def calibrate(self, batches: Iterable[np.ndarray]) -> None:
        """Widens every range to what is seen where nothing but weights is rounded.

        Args:
            batches: Batches of normalised images.
        """
        watching = [layer for layer in self.layers if isinstance(layer, FakeQuantize)]
        watching = [layer for layer in watching if layer.trainable]
        for layer in watching:
            layer.low.assign(0.0)
            layer.high.assign(0.0)
            layer.observing = True
        for images in batches:
            self(ops.convert_to_tensor(images), training=False)
        for layer in watching:
            layer.observing = False
            layer.high.assign(max(float(layer.high), float(layer.low) + 1e-3))

    def get_config(self) -> dict[str, Any]:
        deployed, _ = self._opened()
        return {"name": self.name, "deployed": keras.saving.serialize_keras_object(deployed)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Int8Simulation":
        deployed = keras.saving.deserialize_keras_object(
            config["deployed"], custom_objects=custom_objects
        )
        return cls(deployed, name=config["name"])

    @staticmethod
    def _check(deployed: keras.Model) -> None:
        from keras_resnets.features import all_layers
        from keras_resnets.layers import Deployable

        others = [
            f"{layer.name}, a {type(layer).__name__}"
            for layer in all_layers(deployed)
            if layer.weights
            and not isinstance(layer, Deployable | keras.layers.Conv2D | keras.layers.Dense)
        ]
        if others or not hasattr(deployed, "operations"):
            raise UserError(
                "Expected a deployed network whose layers with weights are convolutions and dense "
                f"layers. Received: {', '.join(others) or deployed.name}. A network of this package, "
                "as keras_resnets.deploy gives it, has no others."
            )


def _with_rounding(operations: Operations) -> keras.Model:
    """The flat model with fake quantisation in it."""
    places = _rounded(operations)
    entries: dict[int, Tensor] = {}

    def entry(tensor: Tensor) -> Tensor:
        """The images rounded, where an operation takes them."""
        if not isinstance(maker(tensor)[0], keras.layers.InputLayer):
            return tensor
        if id(tensor) not in entries:
            entries[id(tensor)] = FakeQuantize(name=IMAGES + SUFFIX)(tensor)
        return entries[id(tensor)]

    def call(operation: keras.Operation, *arguments: Any, **named: Any) -> Any:
        arguments = keras.tree.map_structure(
            lambda one: entry(one) if isinstance(one, keras.KerasTensor) else one, arguments
        )
        outputs = _as_in_the_file(operation, *arguments, **named)
        if operation.name not in places:
            return outputs
        quantise = FakeQuantize(name=operation.name + SUFFIX)
        if _kind(operation) == "Sigmoid":
            _fix(quantise)
        return quantise(outputs)

    return keras.models.clone_model(
        operations.model, clone_function=lambda layer: layer, call_function=call
    )


def _as_in_the_file(operation: keras.Operation, *arguments: Any, **named: Any) -> Any:
    """What an operation becomes in a file: weights rounded, and a SiLU as a sigmoid and a product."""
    if isinstance(operation, keras.layers.Conv2D | keras.layers.Dense):
        is_head = len(arguments[0].shape) == 2
        return RoundedWeights(operation, rounds_inputs=is_head, name=operation.name)(*arguments)
    if _kind(operation) == "Silu":
        quantise = FakeQuantize(name=f"{operation.name}_sigmoid{SUFFIX}")
        _fix(quantise)
        return arguments[0] * quantise(ops.sigmoid(arguments[0]))
    return operation(*arguments, **named)


def _fix(quantise: FakeQuantize) -> None:
    """Gives a sigmoid's output the range that the format prescribes."""
    quantise.high.assign(LEVELS / (LEVELS + 1))
    quantise.trainable = False


def _rounded(operations: Operations) -> set[str]:
    """The operations whose output is rounded to a range of its own."""
    return {operation.name for operation in _having_ranges(operations)}


def _having_ranges(operations: Operations) -> Iterator[keras.Operation]:
    takers: dict[str, list[keras.Operation]] = {}
    order = operations.in_order()
    for operation, inputs, _ in order:
        for tensor in inputs:
            takers.setdefault(maker(tensor)[0].name, []).append(operation)
    for operation, _, outputs in order:
        kind, after = _kind(operation), takers.get(operation.name, [])
        kinds = {_kind(one) for one in after}
        is_fused = (
            (kind in TAKES_FUSED or isinstance(operation, keras.layers.Conv2D))
            and len(after) == 1
            and kinds <= FUSED
        )
        is_in_head = len(outputs[0].shape) == 2
        is_joined = kinds == {"Concatenate"}  # which has one range for all that it joins
        stays_float = kind in IN_FLOAT and kinds <= IN_FLOAT
        if not (
            isinstance(operation, keras.layers.InputLayer)
            or kind in HANDS_ON
            or is_fused
            or is_in_head
            or is_joined
            or stays_float
        ):
            yield operation


def _kind(operation: keras.Operation) -> str:
    return type(operation).__name__
