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
# What hands values on, in the steps in which they came; what is joined comes in the same steps.
HANDS_ON = {
    "Pad",
    "MaxPool",
    "Split",
    "Reshape",
    "Take",
    "Dropout",
    "MaxPooling2D",
    "ZeroPadding2D",
}
JOINS = "Concatenate"
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
    What is concatenated shares a range.
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
        limits = {
            layer.name.removesuffix(SUFFIX): (float(layer.low), float(layer.high))
            for layer in self.layers
            if isinstance(layer, FakeQuantize)
        }
        shared = _shared_ranges(self._opened()[1])
        return limits | {one: limits[name] for one, name in shared.items() if name in limits}

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
    places = {operation.name for operation in _having_ranges(operations)}
    shared = _shared_ranges(operations)
    roundings: dict[str, FakeQuantize] = {}
    # By the ids of tensors of the new graph.
    entries: dict[int, Tensor] = {}
    rounded_by: dict[int, FakeQuantize] = {}
    in_float: dict[int, Tensor] = {}

    def quantised(tensor: Tensor, operation: keras.Operation) -> Tensor:
        name = shared[operation.name]
        if name not in roundings:
            roundings[name] = _rounding(name, _kind(operation))
        outputs = roundings[name](tensor)
        rounded_by[id(outputs)] = roundings[name]
        if _kind(operation) in IN_FLOAT:
            in_float[id(outputs)] = tensor
        return outputs

    def taken(tensor: Any, operation: keras.Operation) -> Any:
        """A tensor as an operation takes it."""
        if not isinstance(tensor, keras.KerasTensor):
            return tensor
        if _kind(operation) in IN_FLOAT:
            return in_float.get(id(tensor), tensor)
        before = maker(tensor)[0]
        if not isinstance(before, keras.layers.InputLayer):
            return tensor
        if id(tensor) not in entries:
            entries[id(tensor)] = quantised(tensor, before)
        return entries[id(tensor)]

    def call(operation: keras.Operation, *arguments: Any, **named: Any) -> Any:
        arguments = keras.tree.map_structure(lambda one: taken(one, operation), arguments)
        before = rounded_by.get(id(keras.tree.flatten(arguments)[0]))
        outputs = _as_in_the_file(operation, before, *arguments, **named)
        if operation.name in places:
            return quantised(outputs, operation)
        if before is not None and _kind(operation) in {*HANDS_ON, JOINS}:
            rounded_by.update((id(one), before) for one in keras.tree.flatten(outputs))
        return outputs

    return keras.models.clone_model(
        operations.model, clone_function=lambda layer: layer, call_function=call
    )


def _as_in_the_file(
    operation: keras.Operation, before: FakeQuantize | None, *arguments: Any, **named: Any
) -> Any:
    """What an operation becomes in a file: weights rounded, and a SiLU as a sigmoid and a product.

    Args:
        operation: The operation.
        before: What rounded its first argument; `None` where nothing did.
        *arguments: What it takes.
        **named: What it takes by name.
    """
    if isinstance(operation, keras.layers.Conv2D | keras.layers.Dense):
        is_head = len(arguments[0].shape) == 2
        rounded = RoundedWeights(
            operation, inputs=before, rounds_inputs=is_head, name=operation.name
        )
        return rounded(*arguments)
    if _kind(operation) == "Silu":
        gate = _rounding(f"{operation.name}_sigmoid", "Sigmoid")(ops.sigmoid(arguments[0]))
        return arguments[0] * gate
    return operation(*arguments, **named)


def _rounding(name: str, kind: str) -> FakeQuantize:
    """What rounds the output of an operation; a sigmoid's to the range that the format prescribes."""
    quantise = FakeQuantize(name=name + SUFFIX)
    if kind == "Sigmoid":
        quantise.high.assign(LEVELS / (LEVELS + 1))
        quantise.trainable = False
    return quantise


def _shared_ranges(operations: Operations) -> dict[str, str]:
    """The name of the range of what each operation gives; what is handed on or joined has one."""
    names: dict[str, str] = {}
    for operation, inputs, _ in operations.in_order():
        own = operation.name
        if isinstance(operation, keras.layers.InputLayer):
            own = IMAGES
        elif _kind(operation) in HANDS_ON:
            own = names[maker(inputs[0])[0].name]
        elif _kind(operation) == JOINS:
            joined = {names[maker(one)[0].name] for one in inputs}
            names.update((one, own) for one, name in names.items() if name in joined)
        names[operation.name] = own
    return names


def _having_ranges(operations: Operations) -> Iterator[keras.Operation]:
    """The operations whose output is rounded where it is made."""
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
        stays_float = kind in IN_FLOAT and kinds <= IN_FLOAT
        if not (
            isinstance(operation, keras.layers.InputLayer)
            or kind in HANDS_ON
            or kind == JOINS
            or is_fused
            or is_in_head
            or stays_float
        ):
            yield operation


def _kind(operation: keras.Operation) -> str:
    return type(operation).__name__
