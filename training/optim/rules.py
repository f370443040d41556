"""The rule of each step, and weight decay, coupled or not, in one place for every rule."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras

from ..config import Optimizer
from .radam import RAdam


def make_optimizer(settings: Optimizer, learning_rate: Any) -> keras.optimizers.Optimizer:
    """The rule without decay and clipping, which `Decay` and `Learner` add."""
    if settings.name == "sgd":
        return keras.optimizers.SGD(
            learning_rate, momentum=settings.momentum, nesterov=settings.nesterov
        )
    rule = {"adam": keras.optimizers.Adam, "radam": RAdam, "lamb": keras.optimizers.Lamb}
    return rule[settings.name](learning_rate, beta_1=settings.momentum, beta_2=settings.beta_2)


@dataclasses.dataclass(frozen=True)
class Decay:
    """Weight decay.

    Coupled decay is the gradient of an L2 penalty, which momentum and Adam's scaling see (PyTorch's
    SGD, and the papers trained with it). Decoupled decay shrinks the weights beside the step, by
    `learning_rate * rate` (Loshchilov & Hutter, 2019; Keras' own in every optimizer).

    Attributes:
        rate: 0 for none.
        coupled: which of the two.
        exempt: ends of the paths of the variables that do not decay.
    """

    rate: float
    coupled: bool
    exempt: tuple[str, ...]

    @classmethod
    def of(cls, settings: Optimizer) -> "Decay":
        return cls(settings.weight_decay, settings.coupled, settings.no_decay)

    def applies_to(self, variable: Any) -> bool:
        return self.rate > 0 and not variable.path.endswith(self.exempt)

    def gradients(self, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """The gradients with the coupled decay in them."""
        return [
            gradient + self.rate * variable.value
            if self.coupled and self.applies_to(variable)
            else gradient
            for gradient, variable in zip(gradients, variables, strict=True)
        ]

    def shrinks(self, variable: Any) -> bool:
        """Whether `variable` is to lose `learning_rate * rate` of itself at each step."""
        return not self.coupled and self.applies_to(variable)
