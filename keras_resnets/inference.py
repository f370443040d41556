"""A network as a function of images, traced once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

# As in `keras_resnets.deploy`, Keras waits for a network to come.
if TYPE_CHECKING:
    import keras


def compiled(network: "keras.Model") -> Callable[[Any], Any]:
    """The network where nothing is learned, as a function of a batch of any size.

    `predict` makes a data set and an iterator of each call, which take longer than ReXNet100 does to see
    a photo, and `predict_on_batch` traces a network once more for a last batch of another size, which
    takes as long as fifty photos (docs/performance.md).

    Args:
        network: The network, of one input.

    Returns:
        A function of an array or a tensor `(n, …)`, float32, as the network takes it, that gives a
        tensor `(n, …)`; with other back ends than TensorFlow an array.

    Example:
        >>> import numpy as np
        >>> import keras_resnets
        >>> from keras_resnets.inference import compiled
        >>> answer = compiled(keras_resnets.ResNeXt(depths=(1, 1), planes=16, classes=3))
        >>> [answer(np.ones((images, 224, 224, 3), "float32")).shape[0] for images in (2, 1)]
        [2, 1]
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        answer: Callable[[Any], Any] = network.predict_on_batch
        return answer

    import tensorflow as tf

    # A subclassed network may not know what it takes.
    shape = getattr(network, "input_shape", None)
    function: Callable[[Any], Any] = tf.function(
        lambda batch: network(batch, training=False),
        input_signature=shape and [tf.TensorSpec((None, *shape[1:]), tf.float32)],
        reduce_retracing=not shape,
        autograph=False,
    )
    return function
