"""A network as a function of images, traced once, and how many of them it sees at a time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

# As in `keras_resnets.deploy`, Keras waits for a network to come.
if TYPE_CHECKING:
    import keras

# What a CPU's cores are busy with: more images at a time take memory and no less time.
ENOUGH_PIXELS = 8 * 224**2
MOST_IMAGES = 64


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


def images_at_once(height: int, width: int) -> int:
    """Images that a network sees at a time where it learns nothing.

    64, but on a CPU no more than have the pixels of eight of 224×224: 64 of those take twice the memory
    of a process, and as long (docs/performance.md).

    Args:
        height: Height of the images in pixels.
        width: Their width.

    Example:
        >>> images_at_once(4480, 4480)
        1
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return MOST_IMAGES
    return max(1, min(MOST_IMAGES, ENOUGH_PIXELS // (height * width)))
