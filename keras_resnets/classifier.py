"""A Keras model as something that names photos."""

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_resnets.card import LABEL_THRESHOLD, Card, check_fits, open_model
from keras_resnets.errors import UserError
from keras_resnets.inference import compiled

if TYPE_CHECKING:
    import keras


UNSURE, NONE = "unsure", "none"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a photo is taken for.

    Attributes:
        classes: The most probable classes with their probabilities, the highest first.
        sure: Whether the first of them reaches the threshold of the model's card. A photo that shows
            none of the classes often does not.
        labels: Names of the classes that the photo shows, those of a probability above 0.5, the most
            probable first; `None` where it shows one.
    """

    classes: tuple[tuple[str, float], ...]
    sure: bool
    labels: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The first class, or `"unsure"`; all labels, or `"none"`, where it may show any number."""
        if self.labels is not None:
            return ";".join(self.labels) or NONE
        return self.classes[0][0] if self.sure else UNSURE


def answer_of(
    probabilities: np.ndarray,
    class_names: Sequence[str],
    threshold: float | None,
    *,
    top: int = 5,
    multi_label: bool = False,
) -> Answer:
    """The answer that probabilities give.

    Args:
        probabilities: The probability of every class, `(classes,)`.
        class_names: Names of the classes.
        threshold: Probability of the first class below which the answer is "unsure"; `None` for an
            answer in any case.
        top: Number of classes to name; more where more labels hold.
        multi_label: Whether a photo may show any number of the classes.

    Example:
        >>> answer_of(np.array([0.4, 0.6]), ("ant", "bee"), threshold=0.7).name
        'unsure'
        >>> answer_of(np.array([0.9, 0.6]), ("ant", "bee"), None, multi_label=True).name
        'ant;bee'
    """
    order = np.argsort(-probabilities, kind="stable")
    given = order[probabilities[order] > LABEL_THRESHOLD] if multi_label else ()
    best = order[: max(top, len(given))]
    return Answer(
        tuple((class_names[i], float(probabilities[i])) for i in best),
        sure=threshold is None or float(probabilities[best[0]]) >= threshold,
        labels=tuple(class_names[i] for i in given) if multi_label else None,
    )


def accuracy(
    scores: np.ndarray, labels: np.ndarray, *, threshold: float = LABEL_THRESHOLD
) -> float:
    """The share of images whose class comes first; of all labels that are right, where there are many.

    Args:
        scores: Probabilities or logits, `(images, classes)`.
        labels: Classes of the images, `(images,)`, or 1 for each label that holds and 0 elsewhere,
            `(images, classes)`.
        threshold: Score above which an image is given a label: 0 for logits.

    Example:
        >>> scores = np.array([[0.9, 0.6], [0.2, 0.8]])
        >>> accuracy(scores, np.array([0, 0])), accuracy(scores, np.array([[1, 0], [0, 1]]))
        (0.5, 0.75)
    """
    if labels.ndim == 2:
        return float(np.mean((scores > threshold) == (labels > 0)))
    return float(np.mean(scores.argmax(-1) == labels))


class Classifier:
    """A model with its classes and preprocessing.

    Args:
        model: A `keras.Model` over normalised images, with one vector of outputs an image.
        card: The model's card.
        flip: Whether an answer is the mean over the photo and its mirror image.

    Raises:
        UserError: Where the last layer's activation is none that gives probabilities, and for a card of
            another model.
    """

    def __init__(self, model: "keras.Model", card: Card, *, flip: bool = False):
        self.model = model
        self.card = card
        self.flip = flip
        self.activation = activation(model)
        if getattr(model, "inputs", None):
            check_fits(card, model, model.name)
        self._outputs = compiled(model)

    @classmethod
    def load(
        cls,
        name_or_path: str | os.PathLike[str],
        weights: str | os.PathLike[str] | None = "imagenet",
        *,
        flip: bool = False,
    ) -> "Classifier":
        """Opens a model as `keras_resnets.open_model` does."""
        return cls(*open_model(name_or_path, weights), flip=flip)

    def probabilities(self, photo: bytes) -> np.ndarray:
        """The probability of every class, `(classes,)`, for the content of an image file."""
        preprocessing = self.card.preprocessing
        image = preprocessing.normalize(preprocessing.read(photo))
        views = np.stack([image, image[:, ::-1]] if self.flip else [image])
        outputs = np.asarray(self._outputs(views), "float32")
        found = probabilities(outputs, self.activation, classes=len(self.card.class_names))
        return np.asarray(found.mean(axis=0))

    def answer(self, photo: bytes, *, top: int = 5) -> Answer:
        """What an image file's content is taken for: the most probable classes, and whether surely."""
        values = self.probabilities(photo)
        return answer_of(
            values,
            self.card.class_names,
            self.card.threshold,
            top=top,
            multi_label=self.card.multi_label,
        )

    def classify(self, photo: bytes, *, top: int = 5) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, the highest first."""
        return list(self.answer(photo, top=top).classes)


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
        outputs = of_logits(outputs, "sigmoid" if outputs.shape[-1] == 1 else "softmax")
    if outputs.shape[-1] == 1 and classes == 2:
        return np.concatenate([1 - outputs, outputs], axis=-1)
    return outputs


def of_logits(logits: np.ndarray, activation: str) -> np.ndarray:
    """The probabilities of logits.

    Args:
        logits: Logits, `(…, classes)`.
        activation: `"softmax"`, or `"sigmoid"` where each class is answered for by itself.

    Example:
        >>> of_logits(np.array([1000.0, 1000.0]), "softmax")
        array([0.5, 0.5])
    """
    if activation == "sigmoid":
        return np.asarray((1 + np.tanh(logits / 2)) / 2)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
