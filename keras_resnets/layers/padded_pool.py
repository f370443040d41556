"""`PaddedAveragePool`: the 3x3 average pool of ResNeSt and Res2Net, padded as PyTorch pads."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets.layers.deployable import Deployable

POOL_SIZE = 3


@keras.saving.register_keras_serializable(package="keras_resnets")
class PaddedAveragePool(Deployable):
    """3x3 average pool over an image with a border of zeros, the zeros counted.

    The released checkpoints average the padded zeros too. TensorFlow's `"same"` leaves them out of
    the mean and, at even sides, pads one edge only: both shift the logits.

    Input: `(batch, height, width, channels)`; output: sides `ceil(n / strides)`.

    Args:
        strides: the same for both axes; 1 where `dilation_rate > 1`.
        dilation_rate: distance of the nine positions, for a dilated network.
        folded: a depthwise convolution with the constant 1/9: a phone's int8 kernels have that one,
            and no average pool.
    """

    def __init__(
        self, *, strides: int = 1, dilation_rate: int = 1, folded: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.folded = folded

    def call(self, inputs: Any) -> Any:
        edge = (self.dilation_rate, self.dilation_rate)
        padded = ops.pad(inputs, ((0, 0), edge, edge, (0, 0)))
        if self.folded or self.dilation_rate > 1:
            return constant_pool(padded, POOL_SIZE, self.strides, self.dilation_rate)
        return ops.average_pool(padded, POOL_SIZE, self.strides, padding="valid")

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, height, width, channels = input_shape
        height, width = (None if n is None else -(-n // self.strides) for n in (height, width))
        return batch, height, width, channels

    def deployed_weights(self) -> list[np.ndarray]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "folded": self.folded,
        }


def constant_pool(inputs: Any, size: int, strides: int, dilation_rate: int) -> Any:
    """The average pool as a depthwise convolution, `valid`; unlike a pool it can be dilated."""
    kernel = np.full((size, size, inputs.shape[-1], 1), size**-2)
    return ops.depthwise_conv(
        inputs,
        ops.convert_to_tensor(kernel, inputs.dtype),
        strides,
        padding="valid",
        dilation_rate=dilation_rate,
    )
