"""A Keras model as something that names photos."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnets.card import Card, open_model
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import read_image

if TYPE_CHECKING:
    import keras


class Classifier:
    """A model with its classes and preprocessing.

    Args:
        model: A `keras.Model` over normalised images, with one vector of outputs an image.
        card: The model's card.

    Raises:
        UserError: Where the last layer's activation is none that gives probabilities.
    """

    def __init__(self, model: "keras.Model", card: Card):
        self.model = model
        self.card = card
        self.activation = activation(model)

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = "imagenet",
    ) -> "Classifier":
        """Opens a model as `keras_resnets.open_model` does."""
        return cls(*open_model(name_or_path, weights))

    def probabilities(self, photo: bytes) -> np.ndarray:
        """The probability of every class, `(classes,)`, for the content of an image file."""
        image = self.card.preprocessing(read_image(photo))
        (outputs,) = self.model.predict(image[None], verbose=0)
        return probabilities(outputs, self.activation, classes=len(self.card.class_names))

    def classify(self, photo: bytes, *, top: int = 5) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, the highest first."""
        values = self.probabilities(photo)
        best = np.argsort(-values, kind="stable")[:top]
        return [(self.card.class_names[i], float(values[i])) for i in best]


def activation(model: "keras.Model") -> str:
    """What the model's last layer applies: `"softmax"`, `"sigmoid"`, or `"linear"` for logits.

    Args:
        model: A Keras model, in which further models may be nested.

    Raises:
        UserError: For any other activation.
    """
    import keras

    layer: Any = model
    while isinstance(layer, keras.Model):
        layer = layer.layers[-1]
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    function = getattr(layer, "activation", None) or keras.activations.linear
    name = getattr(function, "__name__", type(function).__name__)
    if name not in ("softmax", "sigmoid", "linear"):
        raise UserError(
            f"Expected a model that ends in softmax, sigmoid or no activation. Received: {model.name}, "
            f"whose last layer {layer.name} applies {name}."
        )
    return name


def probabilities(outputs: np.ndarray, activation: str, *, classes: int) -> np.ndarray:
    """The probability of each class from what a model puts out.

    Args:
        outputs: Outputs of the model, `(…, units)`, float.
        activation: What the model applied last: `"softmax"`, `"sigmoid"` or `"linear"`. Logits of one
            unit are taken for a sigmoid's, those of more for a softmax's.
        classes: How many there are: `units`, or 2 where one unit tells two classes apart.

    Returns:
        `(…, classes)`; they add up to 1, but for several units with a sigmoid, each of which answers
        for itself.

    Example:
        >>> probabilities(np.array([0.9]), "sigmoid", classes=2)
        array([0.1, 0.9])
    """
    if activation == "linear":
        outputs = _sigmoid(outputs) if outputs.shape[-1] == 1 else _softmax(outputs)
    if outputs.shape[-1] == 1 and classes == 2:
        return np.concatenate([1 - outputs, outputs], axis=-1)
    return outputs


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(logits / 2)) / 2
