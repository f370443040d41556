"""`RAdam`, which Keras lacks."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="training")
class RAdam(keras.optimizers.Optimizer):
    """Rectified Adam (Liu et al., 2020, algorithm 2).

    Adam whose adaptive scaling is held back until enough steps have told the variance of the gradient;
    before, it is SGD with momentum.

    Args:
        learning_rate: A number or a schedule.
        beta_1, beta_2: Decays of the two moments.
        epsilon: Number added to the root of the second moment.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "radam",
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self._first, self._second = self.add_optimizer_variables(variables, ["first", "second"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        rate = ops.cast(learning_rate, dtype)
        gradient = ops.cast(gradient, dtype)
        index = self._get_variable_index(variable)
        first, second = self._first[index], self._second[index]
        self.assign(first, self.beta_1 * first + (1 - self.beta_1) * gradient)
        self.assign(second, self.beta_2 * second + (1 - self.beta_2) * ops.square(gradient))

        decayed = ops.power(ops.cast(self.beta_2, dtype), step)
        mean = first / (1 - ops.power(ops.cast(self.beta_1, dtype), step))
        deviation = ops.sqrt(second / (1 - decayed)) + self.epsilon
        longest = 2 / (1 - self.beta_2) - 1
        length = longest - 2 * step * decayed / (1 - decayed)
        rectifier = ops.sqrt(
            ops.maximum(
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length),
                0.0,
            )
        )
        move = ops.where(length > 5, rectifier * mean / deviation, mean)
        self.assign_sub(variable, rate * move)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
