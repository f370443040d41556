"""`PaddedAveragePool`: the 3x3 average pool of ResNeSt and Res2Net, padded as PyTorch pads."""

import keras
from keras import ops

from keras_resnets._common.types import Tensor
from keras_resnets.layers._strided_pool import StridedPool

POOL_SIZE = 3


@keras.saving.register_keras_serializable(package="keras_resnets")
class PaddedAveragePool(StridedPool):
    """3x3 average pool over an image with a border of zeros, the zeros counted.

    The released checkpoints average the padded zeros too. TensorFlow's `"same"` leaves them out of
    the mean and, at even sides, pads one edge only: both shift the logits.

    Input: `(batch, height, width, channels)`; output: sides `ceil(n / strides)`.

    Args:
        strides: Strides, 1 or more, the same for both axes; 1 where `dilation_rate > 1`.
        dilation_rate: Distance of the positions that are averaged, for a dilated network.
        folded: Whether this is the form that `deploy` makes: a depthwise convolution.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import PaddedAveragePool
        >>> PaddedAveragePool(strides=2)(keras.Input((9, 9, 8))).shape
        (None, 5, 5, 8)
    """

    def call(self, inputs: Tensor) -> Tensor:
        edge = (self.dilation_rate, self.dilation_rate)
        padded = ops.pad(inputs, ((0, 0), edge, edge, (0, 0)))
        if self.folded or self.dilation_rate > 1:
            return self.constant_pool(padded, POOL_SIZE)
        return ops.average_pool(padded, POOL_SIZE, self.strides, padding="valid")
