"""`swish` with its gradient by hand: four passes over memory where Keras makes six."""

from collections.abc import Callable

import keras

from keras_resnets._common.types import Tensor


def swish(inputs: Tensor) -> Tensor:
    """`x * sigmoid(x)` (Ramachandran et al., 2017), on TensorFlow with a faster gradient.

    Nothing but the inputs is kept for it, as Keras does too.

    Args:
        inputs: A tensor of any shape; other back ends' and symbolic ones of Keras are left to Keras.
    """
    if keras.backend.backend() != "tensorflow" or isinstance(inputs, keras.KerasTensor):
        return keras.activations.silu(inputs)
    import tensorflow as tf

    @tf.custom_gradient
    def compute(inputs: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        def gradient(upstream: Tensor) -> Tensor:
            # Otherwise the sigmoid might be computed, and held, since the forward pass.
            with tf.control_dependencies([upstream]):
                gate = tf.sigmoid(inputs)
            return upstream * (gate + tf.raw_ops.SigmoidGrad(y=gate, dy=inputs))

        return inputs * tf.sigmoid(inputs), gradient

    return compute(inputs)
