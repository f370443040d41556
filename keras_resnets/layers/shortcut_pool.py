"""`ShortcutPool`: the 2x2 average pool in the shortcut of ResNet-D."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets.layers.deployable import Deployable
from keras_resnets.layers.padded_pool import constant_pool


@keras.saving.register_keras_serializable(package="keras_resnets")
class ShortcutPool(Deployable):
    """2x2 average pool that leaves positions beyond the edge out of the mean (He et al., 2019, §4).

    With `strides=1` it computes the same means at every position, with partners at a distance of
    `dilation_rate`: a dilated network's shortcut is the strided one's, sampled more densely.

    Input: `(batch, height, width, channels)`; output: sides `ceil(n / strides)`.

    Args:
        strides: 1 or 2, the same for both axes; 1 where `dilation_rate > 1`.
        dilation_rate: distance of the positions that are averaged.
        folded: a depthwise convolution with the constant 1/4, as `PaddedAveragePool`'s.
    """

    def __init__(
        self, *, strides: int = 2, dilation_rate: int = 1, folded: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.folded = folded

    def call(self, inputs: Any) -> Any:
        if not self.folded and self.dilation_rate == 1:
            return ops.average_pool(inputs, 2, self.strides, padding="same")
        # Repeating the last rows makes the mean over the edge that of the inner positions alone.
        padded = inputs
        for axis in (1, 2):
            side = inputs.shape[axis]
            if self.strides == 1 or side is None or side % 2:
                last = ops.take(padded, np.arange(-self.dilation_rate, 0), axis=axis)
                padded = ops.concatenate([padded, last], axis=axis)
        return constant_pool(padded, 2, self.strides, self.dilation_rate)

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
