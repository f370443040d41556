"""From a gradient to the next weights: clipping, decay, the rule, and the averages that follow."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from ..config import Adaptive, Optimizer
from .adam import Adam
from .arrays import arrays_of
from .averaging import Ema, SlowWeights
from .radam import RAdam
from .schedule import LearningRate

ADAPTIVE = {"adam": Adam, "radam": RAdam, "lamb": keras.optimizers.Lamb}


class Update:
    """One step of the weights, with the gradient of all replicas at hand.

    Make it in `strategy.scope()`.

    Args:
        settings: The recipe's optimizer settings.
        learning_rate: The learning rate by step.
        variables: The network's trainable variables.
        rates: Factors of the learning rate by a variable's path, 1 where there is none.
        ema_decay: Decay of an exponential average of the weights; `None` for none.
    """

    def __init__(
        self,
        settings: Optimizer,
        learning_rate: LearningRate,
        variables: Sequence[keras.Variable],
        *,
        rates: Mapping[str, float] | None = None,
        ema_decay: float | None = None,
    ):
        self.learning_rate = learning_rate
        self.clip = settings.clip
        self.decay = Decay(settings.weight_decay, settings.coupled, settings.no_decay)
        self.variables = list(variables)
        self.rates = dict(rates or {})
        self.optimizer = make_optimizer(settings, learning_rate)
        self.optimizer.build(self.variables)
        ahead = settings.lookahead
        self.slow = None if ahead is None else SlowWeights(variables, ahead.steps, ahead.share)
        self.ema = None if ema_decay is None else Ema(variables, ema_decay)

    def apply(self, gradients: Sequence[Any]) -> None:
        """Moves the weights. Runs on each replica, with the same gradients on all."""
        if self.clip is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip)
        gradients = self.decay.gradients(gradients, self.variables)
        tf.distribute.get_replica_context().merge_call(self._move, args=(gradients,))

    def _move(self, strategy: Any, gradients: Sequence[Any]) -> None:
        # The optimizer computes the whole schedule each time that it is asked.
        current = tf.convert_to_tensor(self.optimizer.learning_rate)
        for gradient, variable in zip(gradients, self.variables, strict=True):
            rate = current * self.rates.get(variable.path, 1.0)
            shrink = self.decay.rate if self.decay.shrinks(variable) else 0.0

            def update(
                variable: Any, gradient: Any, rate: Any = rate, shrink: float = shrink
            ) -> None:
                if shrink:
                    variable.assign_sub(variable * (shrink * rate))
                self.optimizer.update_step(gradient, variable, rate)

            strategy.extended.update(variable.value, update, args=(gradient,), group=False)
        step = self.optimizer.iterations
        for follower in (self.slow, self.ema):
            if follower is not None:
                follower.update(strategy, self.variables, step.value)
        step.assign_add(1)

    def last_rate(self) -> float:
        """The learning rate of the last step."""
        step = int(tf.convert_to_tensor(self.optimizer.iterations.value))
        return float(self.learning_rate(max(step - 1, 0)))

    def begin_averages(self) -> None:
        """Has the averages begin from the variables as they are, set by something else than a step."""
        for follower in (self.slow, self.ema):
            if follower is not None:
                for copy, value in zip(follower.variables, arrays_of(self.variables), strict=True):
                    copy.assign(value)

    def go_to(self, epoch: int) -> None:
        """Goes to a place of the schedule, where epochs have another number of steps by now."""
        self.optimizer.iterations.assign(epoch * self.learning_rate.steps_per_epoch)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The variables with their averages, if there are any, while the block lasts."""
        if self.ema is None:
            yield
            return
        kept = arrays_of(self.variables)
        for variable, average in zip(self.variables, arrays_of(self.ema.averages), strict=True):
            variable.assign(average)
        yield
        for variable, value in zip(self.variables, kept, strict=True):
            variable.assign(value)

    def state(self) -> dict[str, list[keras.Variable]]:
        """What a checkpoint must hold besides the network, by name."""
        followers = {"ema": self.ema, "slow": self.slow}
        held = {name: each.variables for name, each in followers.items() if each is not None}
        return {"optimizer": self.optimizer.variables, **held}


def make_optimizer(settings: Optimizer, learning_rate: Any) -> keras.optimizers.Optimizer:
    """The rule without decay and clipping, which `Update` adds for every rule alike."""
    if isinstance(settings, Adaptive):
        return ADAPTIVE[settings.name](
            learning_rate, beta_1=settings.momentum, beta_2=settings.beta_2
        )
    return keras.optimizers.SGD(
        learning_rate, momentum=settings.momentum, nesterov=settings.nesterov
    )


@dataclasses.dataclass(frozen=True)
class Decay:
    """Weight decay.

    Coupled decay is the gradient of an L2 penalty, which momentum and Adam's scaling see (PyTorch's
    SGD, and the papers trained with it). Decoupled decay shrinks the weights beside the step, by
    `learning_rate * rate` (Loshchilov & Hutter, 2019; Keras' own in every optimizer).

    Attributes:
        rate: Rate of the decay, 0 for none.
        coupled: Whether the decay is coupled.
        exempt: Ends of the paths of the variables that do not decay.
    """

    rate: float
    coupled: bool
    exempt: tuple[str, ...]

    def gradients(self, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """The gradients with the coupled decay in them."""
        return [
            gradient + self.rate * variable.value
            if self.coupled and self._applies_to(variable)
            else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]

    def shrinks(self, variable: Any) -> bool:
        """Whether `variable` is to lose `learning_rate * rate` of itself at each step."""
        return not self.coupled and self._applies_to(variable)

    def _applies_to(self, variable: Any) -> bool:
        return self.rate > 0 and not variable.path.endswith(self.exempt)
