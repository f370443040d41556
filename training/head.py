"""The first phase: the classifier alone, on the features of the network as it starts.

Each view of each photo goes through the network once. The classifier on top of it is then a convex
problem, multinomial logistic regression where an image has one class, which L-BFGS (Liu & Nocedal, 1989)
solves in seconds.
"""

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resnets._common.console import ticking

from .inference import in_inference
from .objective import Objective

PENALTIES = tuple(10.0**power for power in range(1, -6, -1))  # from the strongest on
STEPS = 100  # of L-BFGS for each penalty

Array = np.ndarray[Any, Any]
Batches = Iterable[tuple[Array, Array]]  # of inputs and targets
Views = Callable[[str, int], Batches]


@dataclasses.dataclass(frozen=True)
class Features:
    """What the classifier sees of photos.

    Attributes:
        vectors: The network's pooled features, `(images, channels)` float32.
        targets: Target probabilities of the images, `(images, classes)` float32.
    """

    vectors: Array
    targets: Array


@dataclasses.dataclass(frozen=True)
class Head:
    """A classifier.

    Attributes:
        kernel: Weights, `(channels, classes)` float32.
        bias: Biases, `(classes,)` float32.
        penalty: Strength of the L2 penalty.
    """

    kernel: Array
    bias: Array
    penalty: float = 0.0

    def measured(self, features: Features, objective: Objective) -> dict[str, float]:
        """Mean loss and accuracy on some features, and the objective's own measures."""
        targets, logits = features.targets, features.vectors @ self.kernel + self.bias
        losses = objective.losses(targets, logits, smoothed=False)
        means = {
            "loss": float(np.mean(losses)),
            "accuracy": float(np.mean(objective.right(targets, logits))),
        }
        return {**means, **objective.of_all(targets, logits)} if objective.needs_all else means


@dataclasses.dataclass(frozen=True)
class HeadTraining:
    """The trained classifier, and what there is to tell of it.

    Attributes:
        head: The classifier.
        training: Loss and accuracy on all views of the training photos.
        validation: Loss, accuracy and other measures on the validation photos.
        images: Number of images whose features were computed.
        seconds: Seconds that it took.
    """

    head: Head
    training: Mapping[str, float]
    validation: Mapping[str, float]
    images: int
    seconds: float

    def everywhere(self, from_chief: Callable[[Array], Array]) -> "HeadTraining":
        """The chief's in all processes, which have computed their own and may round otherwise.

        Args:
            from_chief: Function of an array that gives the chief's: `Devices.from_chief`.
        """

        def measures(found: Mapping[str, float]) -> Mapping[str, float]:
            values = from_chief(np.array(list(found.values())))
            return dict(zip(found, map(float, values), strict=True))

        head = dataclasses.replace(
            self.head, kernel=from_chief(self.head.kernel), bias=from_chief(self.head.bias)
        )
        return dataclasses.replace(
            self,
            head=head,
            training=measures(self.training),
            validation=measures(self.validation),
        )


def train_head(
    to_features: keras.Model, views: Views, *, count: int, objective: Objective
) -> HeadTraining:
    """Trains the classifier of a network whose other layers stay as they are.

    Args:
        to_features: The network, from what the views hold to what its classifier sees.
        views: Function of a split and a view's number: batches of inputs and targets.
        count: Number of views of the training photos.
        objective: What the network learns to say.
    """
    clock = time.perf_counter()
    compute = in_inference(to_features)
    training = _features(compute, [views("train", number) for number in range(count)])
    validation = _features(compute, [views("validation", 0)])
    with ticking("Training the classifier,"):
        head = fitted_head(training, validation, objective)
    measured = head.measured(training, objective)
    return HeadTraining(
        head,
        {name: measured[name] for name in ("loss", "accuracy")},
        head.measured(validation, objective),
        images=len(training.targets) + len(validation.targets),
        seconds=time.perf_counter() - clock,
    )


def _features(compute: Callable[[Array], Any], views: Iterable[Batches]) -> Features:
    """The features of some views, one after the other."""
    found = [(compute(inputs).numpy(), targets) for view in views for inputs, targets in view]
    return Features(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def fitted_head(
    training: Features,
    validation: Features,
    objective: Objective,
    penalties: Sequence[float] = PENALTIES,
) -> Head:
    """The classifier of least loss, by the L2 penalty that serves validation best.

    The features are standardised first, so that a penalty means the same for every network. Each
    penalty starts from the solution of the one before; the search ends once the validation loss has
    grown twice in a row.

    Args:
        training: The features to learn from.
        validation: The features that choose the penalty.
        objective: What the classifier learns to say.
        penalties: The penalties to try, the strongest first.

    Example:
        >>> from training.objective import OneClass
        >>> corners = np.array([[0, 0], [0, 4], [4, 0], [4, 4]], "float32")
        >>> features = Features(corners, np.eye(4, dtype="float32"))
        >>> fitted_head(features, features, OneClass()).measured(features, OneClass())["accuracy"]
        1.0
    """
    mean, deviation = training.vectors.mean(axis=0), training.vectors.std(axis=0)
    deviation = np.where(deviation > 1e-6, deviation, 1)  # a constant feature tells nothing
    standardised = Features((training.vectors - mean) / deviation, training.targets)
    solution = np.zeros((len(mean) + 1, training.targets.shape[1]))
    best: tuple[float, Head] | None = None
    worse = 0
    for penalty in penalties:
        solution = _minimum(standardised, objective, penalty, solution)
        kernel = solution[:-1] / deviation[:, None]
        bias = solution[-1] - mean @ kernel
        head = Head(kernel.astype("float32"), bias.astype("float32"), penalty)
        loss = head.measured(validation, objective)["loss"]
        if best is None or loss < best[0]:
            best, worse = (loss, head), 0
        else:
            worse += 1
        if worse == 2:
            break
    assert best is not None
    return best[1]


def _minimum(features: Features, objective: Objective, penalty: float, start: Array) -> Array:
    """Kernel and, as the last row, bias of the least mean loss with its L2 penalty."""
    from scipy.optimize import minimize

    vectors, targets = tf.constant(features.vectors), tf.constant(features.targets)

    @tf.function(autograph=False)
    def value_and_slope(solution: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(solution)
            losses = objective.losses(targets, tf.matmul(vectors, solution[:-1]) + solution[-1])
            value = tf.reduce_mean(losses) + penalty / 2 * tf.reduce_sum(solution[:-1] ** 2)
        return value, tape.gradient(value, solution)

    def of_flat(flat: Array) -> tuple[float, Array]:
        solution = tf.constant(flat.reshape(start.shape), tf.float32)
        value, slope = value_and_slope(solution)
        return float(value), slope.numpy().astype("float64").ravel()

    found = minimize(
        of_flat,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "ftol": 1e-7},
    )
    return np.asarray(found.x).reshape(start.shape)
