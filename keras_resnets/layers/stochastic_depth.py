"""`StochasticDepth`: residual branches that are left out at random ("drop path")."""

from typing import Any

import keras
from keras import ops

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError


@keras.saving.register_keras_serializable(package="keras_resnets")
class StochasticDepth(keras.layers.Layer):
    """Zeroes whole residual branches, one draw a sample (Huang et al., 2016).

    Survivors are scaled by `1 / (1 - rate)` in training, so that inference is the identity.

    Input and output: `(batch, …)`.

    Args:
        rate: Probability that a sample's branch is dropped, in `[0, 1)`.
        seed: An integer for a fixed sequence of draws.

    Raises:
        ValueError: For a rate outside `[0, 1)`.

    Example:
        >>> import keras, numpy as np
        >>> from keras_resnets.layers import StochasticDepth
        >>> branch = np.ones((1000, 1), "float32")
        >>> outputs = StochasticDepth(0.5, seed=0)(branch, training=True)
        >>> sorted(set(keras.ops.convert_to_numpy(outputs).ravel().tolist()))
        [0.0, 2.0]
    """

    def __init__(self, rate: float, *, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UserError(f"Expected a rate in [0, 1). Received: rate={rate}.")
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return inputs
        survival = 1 - self.rate
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        return inputs * ops.cast(draw < survival, inputs.dtype) / survival

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
