"""`ShortcutPool`: the 2x2 average pool in the shortcut of ResNet-D."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._strided_pool import StridedPool

POOL_SIZE = 2


@keras.saving.register_keras_serializable(package="keras_resnets")
class ShortcutPool(StridedPool):
    """2x2 average pool that leaves positions beyond the edge out of the mean (He et al., 2019, §4).

    With `strides=1` it computes the same means at every position, with partners at a distance of
    `dilation_rate`: a dilated network's shortcut is the strided one's, sampled more densely.

    Input: `(batch, height, width, channels)`; output: sides `ceil(n / strides)`.

    Args:
        strides: Strides, 1 or 2, the same for both axes; 1 where `dilation_rate > 1`.
        dilation_rate: Distance of the positions that are averaged, for a dilated network.
        folded: Whether this is the form that `deploy` makes: a depthwise convolution.

    Raises:
        ValueError: For other strides.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import ShortcutPool
        >>> ShortcutPool(strides=2)(keras.Input((9, 9, 8))).shape
        (None, 5, 5, 8)
    """

    def __init__(
        self, *, strides: int = 1, dilation_rate: int = 1, folded: bool = False, **kwargs: Any
    ):
        super().__init__(strides=strides, dilation_rate=dilation_rate, folded=folded, **kwargs)
        if strides not in (1, POOL_SIZE):
            raise UserError(f"Expected strides of 1 or {POOL_SIZE}. Received: strides={strides}.")

    def call(self, inputs: Tensor) -> Tensor:
        if not self.folded and self.dilation_rate == 1:
            return ops.average_pool(inputs, POOL_SIZE, self.strides, padding="same")
        # Repeating the last rows makes the mean over the edge that of the inner positions alone.
        padded = inputs
        for axis in (1, 2):
            side = inputs.shape[axis]
            if self.strides == 1 or side is None or side % 2:
                last = np.arange(-self.dilation_rate, 0)
                # What a dilation beyond the map would repeat is read by no position.
                first = -ops.shape(inputs)[axis] if side is None else -side
                last = np.maximum(last, first) if side else ops.maximum(last, first)
                padded = ops.concatenate([padded, ops.take(padded, last, axis=axis)], axis=axis)
        return self.constant_pool(padded, POOL_SIZE)
