"""One step of training and one of validation, under any strategy of `tf.distribute`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .objective import Objective
from .optim.arrays import arrays_of
from .optim.loss_scale import LossScale
from .optim.update import Update
from .teacher import Teacher


class Learner:
    """A network in training.

    Keras' own `fit` has each replica clip its own gradient, cannot accumulate gradients, and does not
    run in several processes. This step sums the gradients over all replicas first, then clips, decays
    and applies them once.

    Args:
        network: The network, whose weights are read and saved; made in `strategy.scope()`.
        update: The update from a gradient; made there too.
        objective: What the network learns to say.
        forward: Function of a batch and `training` that gives logits; by default the network itself.
        teacher: A network whose answers it learns too; made in the scope too.
        loss_scale: Scale of the loss for float16; made there too.
        accumulation: Parts in which a replica computes its batch.
        jit_compile: Whether XLA compiles the step.
    """

    def __init__(
        self,
        network: keras.Model,
        update: Update,
        *,
        objective: Objective,
        forward: Callable[..., Any] | None = None,
        teacher: Teacher | None = None,
        loss_scale: LossScale | None = None,
        accumulation: int = 1,
        jit_compile: bool = False,
    ):
        self.network = network
        self._forward = forward or network
        self.update = update
        self.loss_scale = loss_scale
        self.accumulation = accumulation
        self.objective = objective
        self.teacher = teacher
        self._step = tf.function(_everywhere(self._train), jit_compile=jit_compile)
        self._measure = tf.function(_everywhere(self._validate))

    def step(self, batch: Any, *, stop: bool = False) -> dict[str, float]:
        """Takes one step.

        Args:
            batch: Distributed images and target probabilities.
            stop: Whether this process is to stop.

        Returns:
            Sums over the global batch, the same in all processes: `loss`, `correct`, `images`, and
            `stop`, the number of replicas that are to stop, so that all hear of it after one step.
        """
        return {
            name: float(value)
            for name, value in self._step(batch, tf.constant(float(stop))).items()
        }

    def measure(self, batches: Any) -> dict[str, float]:
        """Mean loss and accuracy, and the objective's own measures, over one pass of padded batches."""
        total: dict[str, float] = {}
        answers = []
        for batch in batches:
            sums, answered = self._measure(batch)
            add(total, {name: float(value) for name, value in sums.items()})
            answers.append([tensor.numpy() for tensor in answered])
        return {**means(total), **self._of_all(answers)}

    def _of_all(self, answers: Sequence[Sequence[Any]]) -> Mapping[str, float]:
        if not self.objective.needs_all:
            return {}
        targets, logits, weights = (np.concatenate(parts) for parts in zip(*answers, strict=True))
        there = weights > 0  # what fills the last batch is no image
        return self.objective.of_all(targets[there], logits[there])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network with the averaged weights, if there are any, while the block lasts."""
        with self.update.averaged():
            yield

    def weights(self) -> list[np.ndarray[Any, Any]]:
        """All of the network's, as arrays."""
        return arrays_of(self.network.weights)

    def state(self) -> dict[str, list[keras.Variable]]:
        """All variables that a checkpoint must hold, by what they belong to."""
        scale = {} if self.loss_scale is None else {"loss_scale": self.loss_scale.variables}
        return {"network": self.network.variables, **self.update.state(), **scale}

    def _train(self, data: Any, stop: Any) -> dict[str, Any]:
        """Runs on each replica."""
        replica = tf.distribute.get_replica_context()
        rows = tf.shape(data[0])[0] * replica.num_replicas_in_sync
        parts = [
            self._gradients(images, targets, 1 / tf.cast(rows, tf.float32))
            for images, targets in zip(
                *(tf.split(tensor, self.accumulation) for tensor in data), strict=True
            )
        ]
        gradients = _summed(
            [tf.add_n(shares) for shares in zip(*(p[0] for p in parts), strict=True)]
        )
        if self.loss_scale is not None:
            gradients = self.loss_scale.unscaled(gradients)
        self.update.apply(gradients)
        losses = tf.concat([p[1] for p in parts], axis=0)
        correct = tf.concat([p[2] for p in parts], axis=0)
        sums = _sums(losses, correct, tf.ones_like(losses))
        # An argument lies on no device yet, and only what does can be reduced.
        return dict(_summed({**sums, "stop": tf.identity(stop)}))

    def _gradients(self, images: Any, targets: Any, weight: Any) -> tuple[list[Any], Any, Any]:
        """Gradients of the weighted sum of the losses; each image's loss, and how right it is."""
        taught = None if self.teacher is None else self.teacher.logits(images)
        with tf.GradientTape() as tape:
            logits = self._forward(images, training=True)
            losses = self.objective.losses(targets, logits)
            if self.teacher is not None:
                losses = self.teacher.losses(self.objective, taught, logits, losses)
            share = tf.reduce_sum(losses) * weight
            if self.loss_scale is not None:
                share = self.loss_scale.scaled(share)
        return (
            tape.gradient(share, self.network.trainable_variables),
            losses,
            self.objective.right(targets, logits),
        )

    def _validate(self, data: Any) -> tuple[dict[str, Any], list[Any]]:
        """Runs on each replica, on `(images, targets, weights)`."""
        images, targets, weights = data
        logits = tf.cast(self._forward(images, training=False), tf.float32)
        losses = self.objective.losses(targets, logits, smoothed=False)
        sums = _summed(_sums(losses, self.objective.right(targets, logits), weights))
        answers = [targets, logits, weights] if self.objective.needs_all else []
        return dict(sums), _gathered(answers)


def add(total: dict[str, float], sums: Mapping[str, float]) -> None:
    """Adds the sums of a step to those of the steps before."""
    for name, value in sums.items():
        total[name] = total.get(name, 0.0) + value


def means(total: Mapping[str, float]) -> dict[str, float]:
    """Loss and accuracy of sums over images."""
    images = max(total["images"], 1.0)
    return {"loss": total["loss"] / images, "accuracy": total["correct"] / images}


def _everywhere(step: Any) -> Any:
    """`step` on every replica of the current strategy; its results are the same on each."""

    def run(*arguments: Any) -> Any:
        strategy = tf.distribute.get_strategy()
        results = strategy.run(step, args=arguments)
        return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], results)

    return tf.autograph.experimental.do_not_convert(run)


def _summed(values: Any) -> Any:
    """Sums over all replicas of all processes."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _gathered(values: Any) -> Any:
    """The rows of all replicas of all processes."""
    replica = tf.distribute.get_replica_context()
    return [replica.all_gather(value, axis=0) for value in values]


def _sums(losses: Any, correct: Any, weights: Any) -> dict[str, Any]:
    return {
        "loss": tf.reduce_sum(losses * weights),
        "correct": tf.reduce_sum(correct * weights),
        "images": tf.reduce_sum(weights),
    }
