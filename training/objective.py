"""What a network learns to say of an image: its one class, or every label that holds."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
import tensorflow as tf

from .average_precision import mean_average_precision

Array = np.ndarray[Any, Any]
AVERAGE_PRECISION = "mean_average_precision"


class Objective(Protocol):
    """How logits are compared with target probabilities, both `(images, classes)`.

    Attributes:
        activation: What makes probabilities of the logits.
        chosen_by: Measure of the validation images by which an epoch is the best.
        needs_all: Whether there are measures that all images of a split are needed for.
    """

    @property
    def activation(self) -> Literal["softmax", "sigmoid"]: ...

    @property
    def chosen_by(self) -> str: ...

    @property
    def needs_all(self) -> bool: ...

    def losses(self, targets: Any, logits: Any, *, smoothed: bool = True) -> Any:
        """The loss of each image, `(images,)`, with smoothed targets or with these."""

    def divergence(self, taught: Any, logits: Any) -> Any:
        """Kullback-Leibler's divergence of the logits' probabilities from those taught, `(images,)`."""

    def right(self, targets: Any, logits: Any) -> Any:
        """The share of each image that is right, `(images,)` in [0, 1]."""

    def of_all(self, targets: Array, logits: Array) -> Mapping[str, float]:
        """The measures of a whole split, where `needs_all`."""


@dataclasses.dataclass(frozen=True)
class OneClass:
    """Cross-entropy over a softmax: an image is of one class.

    Attributes:
        label_smoothing: Share of the target that all classes get alike.
        class_weights: What an image of each class counts for in training; `None` for 1.
    """

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    activation: Literal["softmax", "sigmoid"] = "softmax"
    chosen_by: str = "accuracy"
    needs_all: bool = False

    def losses(self, targets: Any, logits: Any, *, smoothed: bool = True) -> Any:
        share = self.label_smoothing if smoothed else 0.0
        smooth = targets * (1 - share) + share / logits.shape[-1]
        losses = tf.nn.softmax_cross_entropy_with_logits(smooth, logits)
        if smoothed and self.class_weights is not None:
            # A mixed image counts for what its classes do, by their shares.
            losses *= tf.linalg.matvec(targets, self.class_weights)
        return losses

    def divergence(self, taught: Any, logits: Any) -> Any:
        gap = tf.nn.log_softmax(taught) - tf.nn.log_softmax(logits)
        return tf.reduce_sum(tf.nn.softmax(taught) * gap, axis=-1)

    def right(self, targets: Any, logits: Any) -> Any:
        return tf.cast(tf.argmax(logits, -1) == tf.argmax(targets, -1), tf.float32)

    def of_all(self, targets: Array, logits: Array) -> Mapping[str, float]:
        return {}


@dataclasses.dataclass(frozen=True)
class ManyLabels:
    """Binary cross-entropy over sigmoids, its mean over the classes: any number of labels holds.

    Attributes:
        label_smoothing: Share of each class's target that is given half to yes, half to no.
    """

    label_smoothing: float = 0.0
    activation: Literal["softmax", "sigmoid"] = "sigmoid"
    chosen_by: str = AVERAGE_PRECISION
    needs_all: bool = True

    def losses(self, targets: Any, logits: Any, *, smoothed: bool = True) -> Any:
        share = self.label_smoothing if smoothed else 0.0
        targets = targets * (1 - share) + share / 2
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits), axis=-1)

    def divergence(self, taught: Any, logits: Any) -> Any:
        yes, entropy = tf.sigmoid(taught), tf.nn.sigmoid_cross_entropy_with_logits
        return tf.reduce_mean(entropy(yes, logits) - entropy(yes, taught), axis=-1)

    def right(self, targets: Any, logits: Any) -> Any:
        return tf.reduce_mean(tf.cast((logits > 0) == (targets > 0.5), tf.float32), axis=-1)

    def of_all(self, targets: Array, logits: Array) -> Mapping[str, float]:
        return {AVERAGE_PRECISION: mean_average_precision(targets, logits)}


def weighted(objective: Objective, factors: Array) -> Objective:
    """The objective where an image counts for its class's factor, if it has one class."""
    if not isinstance(objective, OneClass):
        return objective
    return dataclasses.replace(objective, class_weights=tuple(factors.tolist()))


def objective_of(
    *,
    multi_label: bool,
    label_smoothing: float = 0.0,
    class_weights: tuple[float, ...] | None = None,
) -> Objective:
    """The objective of images that have one class, or any number of labels."""
    return ManyLabels(label_smoothing) if multi_label else OneClass(label_smoothing, class_weights)
