"""A network where nothing is learned."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def in_inference(network: "keras.Model") -> Callable[[Any], Any]:
    """The network as a compiled function of a batch of any size.

    `predict_on_batch` traces a network once more for a last batch of another size: of ReXNet100 that
    takes as long as to run it on fifty photos.

    Args:
        network: The network, of one input.

    Returns:
        A function of `(n, …)`, float32, as the network takes it, that gives a tensor `(n, …)`.
    """
    import tensorflow as tf

    inputs = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
    compiled: Callable[[Any], Any] = tf.function(
        lambda batch: network(batch, training=False), input_signature=[inputs], autograph=False
    )
    return compiled
