"""`Learner`: one step of training and one of validation, under any strategy of `tf.distribute`."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from .optim.averaging import Ema, SlowWeights
from .optim.loss_scale import LossScale
from .optim.rules import Decay
from .optim.schedule import LearningRate


class Learner(keras.Model):
    """Wraps a network for `fit`; the network itself stays a plain model.

    Keras' own step has each replica clip its own gradient, cannot accumulate gradients or run in
    several processes. This one sums the gradients over all replicas first, then clips, decays and
    applies them once.

    Make it outside `strategy.scope()`, where Keras would insist on building it from a first batch;
    call `fit` inside, on distributed batches of normalised images and target probabilities.

    Args:
        network: maps images to logits; made inside `strategy.scope()`.
        optimizer: the rule of a step; made and built there too.
        schedule: the optimizer's learning rate.
        decay: the weights' decay.
        clip: largest global norm of the gradient over all replicas; `None` for no limit.
        label_smoothing: what the targets give to all classes alike.
        accumulation: parts in which a replica computes its batch.
        rates: factors of the learning rate by a variable's path, 1 where there is none.
        ema: an average of the weights; made inside `strategy.scope()`.
        slow: Lookahead's slow weights; made there too.
        loss_scale: for float16; made there too.
        jit_compile: compile the step by XLA.
    """

    train_function: Any  # Keras sets these two
    test_function: Any

    def __init__(
        self,
        network: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        schedule: LearningRate,
        decay: Decay,
        clip: float | None = None,
        label_smoothing: float = 0.0,
        accumulation: int = 1,
        rates: Mapping[str, float] | None = None,
        ema: Ema | None = None,
        slow: SlowWeights | None = None,
        loss_scale: LossScale | None = None,
        jit_compile: bool = False,
    ):
        super().__init__(name="learner")
        self.network = network
        self.schedule = schedule
        self.decay = decay
        self.clip = clip
        self.accumulation = accumulation
        self.rates = dict(rates or {})
        self.ema = ema
        self.slow = slow
        self.loss_scale = loss_scale
        self.stop_asked = False
        self.loss_function = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=label_smoothing, reduction=None
        )
        self.compile(optimizer=optimizer, auto_scale_loss=False, jit_compile=jit_compile)

    def train_step(self, data: Any, stop: Any) -> dict[str, Any]:
        """Runs on each replica. Returns sums over the global batch, the same on all.

        Args:
            data: images and target probabilities.
            stop: 1 where this process is to stop, or 0. It is summed with the losses, so that all
                processes hear of it after the same step.
        """
        replica = tf.distribute.get_replica_context()
        rows = tf.shape(data[0])[0] * replica.num_replicas_in_sync
        variables = self.network.trainable_variables
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
        if self.clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip)
        replica.merge_call(self._apply, args=(self.decay.gradients(gradients, variables),))
        losses = tf.concat([p[1] for p in parts], axis=0)
        correct = tf.concat([p[2] for p in parts], axis=0)
        sums = _sums(losses, correct, tf.ones_like(losses))
        # An argument lies on no device yet, and only what does can be reduced.
        return _summed({**sums, "stop": tf.identity(stop)})

    def _gradients(self, images: Any, targets: Any, weight: Any) -> tuple[list[Any], Any, Any]:
        """Gradients of the weighted sum of the losses; each image's loss, and whether it is right."""
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.network(images, training=True)
            losses = self.loss_function(targets, logits)
            share = tf.reduce_sum(losses) * weight
            if self.loss_scale is not None:
                share = self.loss_scale.scaled(share)
        return (
            tape.gradient(share, variables),
            losses,
            tf.argmax(logits, -1) == tf.argmax(targets, -1),
        )

    def _apply(self, strategy: Any, gradients: Sequence[Any]) -> None:
        """One optimizer step, with the reduced gradients of all replicas at hand."""
        variables = self.network.trainable_variables
        for gradient, variable in zip(gradients, variables, strict=True):
            rate = self.optimizer.learning_rate * self.rates.get(variable.path, 1.0)
            shrink = self.decay.rate if self.decay.shrinks(variable) else 0.0

            def update(
                variable: Any, gradient: Any, rate: Any = rate, shrink: float = shrink
            ) -> None:
                if shrink:
                    variable.assign_sub(variable * (shrink * rate))
                self.optimizer.update_step(gradient, variable, rate)

            strategy.extended.update(variable.value, update, args=(gradient,), group=False)
        step = self.optimizer.iterations
        if self.slow is not None:
            self.slow.update(strategy, variables, step.value)
        if self.ema is not None:
            self.ema.update(strategy, variables, step.value)
        step.assign_add(1)

    def make_train_function(self, force: bool = False) -> None:
        """Keras calls it. Its own version cannot reduce over several processes."""
        if self.train_function is None or force:
            step = tf.function(_everywhere(self.train_step), jit_compile=self.jit_compile)
            self.train_function = lambda iterator: step(
                next(iterator), tf.constant(float(self.stop_asked))
            )

    def test_step(self, data: Any) -> dict[str, Any]:
        """Runs on each replica, on `(images, labels, weights)`. Returns global weighted sums."""
        images, labels, weights = data
        logits = self.network(images, training=False)
        losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        return _summed(_sums(losses, tf.argmax(logits, -1) == labels, weights))

    def make_test_function(self, force: bool = False) -> None:
        if self.test_function is None or force:
            self.test_function = tf.function(_everywhere(self.test_step))

    def measure(self, batches: Any) -> dict[str, float]:
        """Mean loss and accuracy over one pass of distributed, padded batches."""
        self.make_test_function()
        total = {"loss": 0.0, "correct": 0.0, "images": 0.0}
        for batch in batches:
            for name, value in self.test_function(batch).items():
                total[name] += float(value)
        return means(total)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The network with the averaged weights, if there are any, while the block lasts."""
        if self.ema is None:
            yield
            return
        variables = self.network.trainable_variables
        kept = [variable.numpy() for variable in variables]
        for variable, average in zip(variables, self.ema.averages, strict=True):
            variable.assign(average.numpy())
        yield
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)


def means(total: Mapping[str, float]) -> dict[str, float]:
    """Loss and accuracy of sums over images."""
    images = max(total["images"], 1.0)
    return {"loss": total["loss"] / images, "accuracy": total["correct"] / images}


def _everywhere(step: Any) -> Any:
    """`step` on every replica of the current strategy; its results are the same on each."""
    strategy = tf.distribute.get_strategy()

    @tf.autograph.experimental.do_not_convert
    def run(*arguments: Any) -> Any:
        results = strategy.run(step, args=arguments)
        return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], results)

    return run


def _summed(values: Any) -> Any:
    """Sums over all replicas of all processes."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _sums(losses: Any, correct: Any, weights: Any) -> dict[str, Any]:
    return {
        "loss": tf.reduce_sum(losses * weights),
        "correct": tf.reduce_sum(tf.cast(correct, tf.float32) * weights),
        "images": tf.reduce_sum(weights),
    }
