"""Batch normalisation with its gradient by hand: half of the passes over memory that Keras makes."""

from collections.abc import Callable

from keras_resnets._common.types import Tensor


def normalised(
    inputs: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalises by the statistics of the batch (Ioffe & Szegedy, 2015, algorithm 1).

    Keras leaves the gradient to TensorFlow, operation by operation. Here it is the paper's (section 3),
    and sums over positions are matrix products with ones, which a CPU computes fastest and as exactly
    as the fused kernel does (docs/performance.md).

    Args:
        inputs: `(…, channels)`, float32.
        gamma: Scale, `(channels,)`.
        beta: Offset, `(channels,)`.
        epsilon: Number added to the variance.

    Returns:
        The outputs, and mean and variance, `(channels,)`, through which no gradient flows. The variance
        divides by the number of positions.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def compute(
        inputs: Tensor, gamma: Tensor, beta: Tensor
    ) -> tuple[tuple[Tensor, Tensor, Tensor], Callable[..., tuple[Tensor, Tensor, Tensor]]]:
        shape = tf.shape(inputs)
        positions = tf.reshape(inputs, (-1, inputs.shape[-1]))
        ones = tf.ones((1, tf.shape(positions)[0]))
        count = tf.cast(tf.shape(positions)[0], "float32")

        def over_positions(values: Tensor) -> Tensor:
            return tf.matmul(ones, values)[0]

        mean = over_positions(positions) / count
        centred = positions - mean
        variance = over_positions(tf.square(centred)) / count
        root = tf.math.rsqrt(variance + epsilon)
        scale = gamma * root

        def gradient(upstream: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            upstream = tf.reshape(upstream, (-1, inputs.shape[-1]))
            of_beta = over_positions(upstream)
            of_gamma = over_positions(upstream * centred) * root
            along = -scale * root * of_gamma / count
            of_inputs = upstream * scale + (centred * along - scale * of_beta / count)
            return tf.reshape(of_inputs, shape), of_gamma, of_beta

        return (tf.reshape(centred * scale + beta, shape), mean, variance), gradient

    # Read once: of a variable the gradient would be none of the arguments'.
    outputs, mean, variance = compute(*map(tf.convert_to_tensor, (inputs, gamma, beta)))
    return tf.ensure_shape(outputs, inputs.shape), mean, variance
