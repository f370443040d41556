"""The end of a classifier: its logits, and what makes probabilities of them."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

from keras_resnets.errors import UserError

from ..file.card import Activation

# By Keras' names.
ACTIVATIONS: dict[str, Activation] = {"softmax": "softmax", "sigmoid": "sigmoid"}


@dataclass(frozen=True)
class Head:
    """What a classifier ends with.

    Attributes:
        features: Input of the model's last `Dense` layer, a tensor of the model's graph.
        dense: The model's last `Dense` layer.
        activation: What makes probabilities of the logits: the model's own, or where it
            has none, what training on such logits applies.
    """

    features: keras.KerasTensor
    dense: layers.Dense
    activation: Activation

    @property
    def binary(self) -> bool:
        """Whether one unit with a sigmoid tells two classes apart.

        Its probabilities are then two, and those of a softmax over the logits `(0, z)`:
        `softmax((0, z)) = (1 - sigmoid(z), sigmoid(z))`.
        """
        return self.activation == "sigmoid" and self.dense.units == 1


def head_of(model: keras.Model) -> Head:
    """Finds the last `Dense` layer of a flat functional model, and the activation behind it.

    Raises:
        UserError: Where the model does not end so, or in several outputs, or with another activation.
    """
    if len(model.outputs) != 1:
        raise UserError(
            "Expected a classifier with one output. "
            f"Received: {model.name} with {len(model.outputs)}: {', '.join(model.output_names)}. "
            "Take one: keras.Model(model.input, model.outputs[0])."
        )
    last, inputs = _maker(model.outputs[0])
    names = []
    if isinstance(last, layers.Softmax | layers.Activation):
        names.append(_name(last))
        last, inputs = _maker(inputs[0])
    if not isinstance(last, layers.Dense) or len(model.output.shape) != 2:
        raise UserError(
            "Expected a classifier, whose last layer is Dense, with an activation behind it at most. "
            f"Received: {model.name} with {type(last).__name__} {last.name}. "
            "Build it with include_top=True."
        )
    names = [name for name in (last.activation.__name__, *names) if name != "linear"]
    if len(names) > 1 or not ACTIVATIONS.keys() >= set(names):
        raise UserError(
            f"Expected one activation of {' or '.join(ACTIVATIONS)} behind the last layer, or none. "
            f"Received: {' then '.join(names)} behind {last.name} of {model.name}."
        )
    alone: Activation = "sigmoid" if last.units == 1 else "softmax"
    return Head(inputs[0], last, ACTIVATIONS[names[0]] if names else alone)


def _maker(tensor: keras.KerasTensor) -> tuple[keras.Operation, list[keras.KerasTensor]]:
    """The layer that makes a tensor, and what it is given. Keras has no public way to them."""
    history = tensor._keras_history
    node = history.operation._inbound_nodes[history.node_index]
    return history.operation, node.input_tensors


def _name(layer: keras.layers.Layer) -> str:
    if isinstance(layer, layers.Softmax):
        return "softmax"
    return str(layer.activation.__name__)


def logits_of(head: Head) -> keras.KerasTensor:
    """The logits, two where the classifier has one unit."""
    kernel, bias = _two(head.dense) if head.binary else (head.dense.kernel, head.dense.bias)
    logits = layers.Dense(
        kernel.shape[-1],
        use_bias=bias is not None,
        dtype=head.dense.dtype_policy,
        name=_free_name(head),
    )
    outputs = logits(head.features)
    logits.set_weights([np.asarray(value) for value in (kernel, bias) if value is not None])
    return outputs


def _free_name(head: Head) -> str:
    """The last layer's name; another where the layer is used further up too."""
    shared = len(head.dense._inbound_nodes) > 1
    return f"{head.dense.name}_logits" if shared else str(head.dense.name)


def _two(dense: layers.Dense) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights of the logits `(0, z)` where the layer's own are of `z`."""

    def after_nought(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.zeros_like(values), values], axis=-1)

    weights = [after_nought(np.asarray(value)) for value in dense.get_weights()]
    return weights[0], weights[1] if dense.use_bias else None
