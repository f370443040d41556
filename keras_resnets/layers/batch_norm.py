"""`BatchNorm`: batch normalisation in its fastest form, with the checkpoints' constants."""

from typing import Any

import keras

from keras_resnets._common.types import Tensor
from keras_resnets.layers._normalising import normalised
from keras_resnets.layers._placement import has_accelerator, is_traced_for_xla

# PyTorch's defaults, with which every published checkpoint was trained. Its momentum 0.1 is the
# weight of the new batch; Keras counts the weight of the old average.
NORM_MOMENTUM = 0.9
NORM_EPSILON = 1e-5

# Where the channels do not fill SIMD registers, the fused kernel is up to three times slower on a CPU
# than separate operations; where they do, up to seven times faster.
LANES = 4


@keras.saving.register_keras_serializable(package="keras_resnets")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, fused on the TensorFlow back end.

    Keras computes moments, scale and shift as operations of their own, and in float32 whatever the
    policy. The fused kernel reads the images half as often. On a CPU it is slow for numbers of channels
    that are no multiple of 4: those learn by operations of their own with the gradient by hand.
    Synchronised statistics, a mask, other back ends, such numbers of channels elsewhere and weights of
    another type than float32 keep Keras' way; the numbers are the same.

    Input and output: `(batch, height, width, channels)`.

    Args:
        momentum: Weight of the old in the moving averages, in [0, 1).
        epsilon: Number added to the variance, above 0.
        **kwargs: Further arguments of `keras.layers.BatchNormalization`.
    """

    def __init__(
        self, *, momentum: float = NORM_MOMENTUM, epsilon: float = NORM_EPSILON, **kwargs: Any
    ):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
        if mask is not None or not self._is_plain(inputs):
            return super().call(inputs, training=training, mask=mask)
        learns = bool(training and self.trainable)
        if inputs.shape[-1] % LANES == 0:
            return self._fused(inputs, learns)
        if learns and not has_accelerator() and not is_traced_for_xla():
            return self._by_hand(inputs)
        return super().call(inputs, training=training)

    def _is_plain(self, inputs: Tensor) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and not self.synchronized
            and self.variable_dtype == "float32"  # the kernel has statistics of no other type
            and len(inputs.shape) == 4
        )

    def _fused(self, inputs: Tensor, learns: bool) -> Tensor:
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            self.gamma,
            self.beta,
            None if learns else self.moving_mean,
            None if learns else self.moving_variance,
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            # The kernel divides by one less than the number of positions; Keras by the number.
            count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count - 1) / count)
        return outputs

    def _by_hand(self, inputs: Tensor) -> Tensor:
        channels = inputs.shape[-1]
        gamma = keras.ops.ones(channels) if self.gamma is None else self.gamma
        beta = keras.ops.zeros(channels) if self.beta is None else self.beta
        inputs = keras.ops.cast(inputs, "float32")
        outputs, mean, variance = normalised(inputs, gamma, beta, self.epsilon)
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance)
        return keras.ops.cast(outputs, self.compute_dtype)

    def _move(self, average: Tensor, value: Tensor) -> None:
        average.assign(average * self.momentum + value * (1 - self.momentum))
