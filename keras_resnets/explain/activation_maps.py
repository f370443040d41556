"""Grad-CAM: where in an image a class was seen (Selvaraju et al., 2017)."""

from typing import Any

import keras
import numpy as np

from keras_resnets._common.types import Tensor
from keras_resnets.explain.tracing import Tracer, choose_classes, gradients, scores


def grad_cam(
    model: keras.Model,
    image: Any,
    *,
    layer: str | None = None,
    class_index: Any = None,
) -> np.ndarray:
    """Where the evidence for a class lies in an image, as a heat map over its pixels.

    It is `class_activation_map` scaled to a maximum of 1 and enlarged. Position `i` of a feature map
    is laid over pixel `i * strides`, on which the networks' symmetric padding centres what it sees;
    the usual enlargement by half pixels would move a map of strides 32 by 15 pixels. Between
    positions it is bilinear.

    Args:
        model: A classifier of this package, or a functional or Sequential model around one. Any
            dtype policy; sides may be free.
        image: `(height, width, channels)`, or a batch of such, as the model takes it: normalised.
        layer: A block or another layer with a feature map, such as `"stage2_block4"`; a stage, such
            as `"stage2"`, for its last block; `None` for the last block of all. Earlier ones have a
            finer map of less meaning.
        class_index: The class, one for each image of a batch, or `None` for the predicted one.

    Returns:
        `(height, width)`, or one a image of a batch, float32 in `[0, 1]`; all zeros where nothing
        in the layer speaks for the class.

    Raises:
        UserError: For a model, a layer, a class or an image that is none of these.

    Example:
        >>> import keras_resnets, numpy as np
        >>> from keras_resnets.explain import grad_cam
        >>> model = keras_resnets.ResNeSt(depths=(1, 1), classes=3, input_shape=(64, 96, 3))
        >>> grad_cam(model, np.ones((64, 96, 3)), class_index=2).shape
        (64, 96)
    """
    tracer = Tracer(model)
    name = tracer.layer(layer)
    batch = tracer.batch(image)
    maps = _maps(tracer, batch, name, class_index)
    highest = maps.max(axis=(1, 2), keepdims=True)
    heat = np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)
    for axis, side in enumerate(batch.shape[1:3], start=1):
        heat = _enlarged(heat, axis, side, tracer.strides(name))
    return _like(image, heat)


def class_activation_map(
    model: keras.Model,
    image: Any,
    *,
    layer: str | None = None,
    class_index: Any = None,
) -> np.ndarray:
    """The map of Grad-CAM at the layer's resolution, in logits a position (the paper's equation 2).

    `relu(sum over channels k of a_k A_k)`, where `A` is the layer's output and `a_k` the mean over
    positions of the derivative of the class's logit, before softmax or sigmoid, by `A_k` (equation 1).

    Args:
        model: As for `grad_cam`.
        image: As for `grad_cam`.
        layer: As for `grad_cam`.
        class_index: As for `grad_cam`.

    Returns:
        `(rows, columns)` of the layer's feature map, or one a image of a batch, float32, 0 or more.

    Raises:
        UserError: As for `grad_cam`.

    Example:
        >>> import keras_resnets, numpy as np
        >>> from keras_resnets.explain import class_activation_map
        >>> model = keras_resnets.ResNeSt(depths=(1, 1), classes=3, input_shape=(64, 96, 3))
        >>> class_activation_map(model, np.ones((64, 96, 3)), layer="stage2").shape
        (8, 12)
    """
    tracer = Tracer(model)
    maps = _maps(tracer, tracer.batch(image), tracer.layer(layer), class_index)
    return _like(image, maps)


def _like(image: Any, maps: np.ndarray) -> np.ndarray:
    """The map of one image, or those of a batch."""
    single: np.ndarray = maps[0]
    return maps if np.ndim(image) == 4 else single


def _maps(tracer: Tracer, batch: Tensor, name: str, class_index: Any) -> np.ndarray:
    import tensorflow as tf

    features: list[Tensor] = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def keep(layer: str, outputs: Tensor) -> None:
            if layer == name:
                tape.watch(outputs)  # only what follows is recorded
                features.append(outputs)

        logits = tracer.run(batch, behind=keep)
        chosen = scores(logits, choose_classes(logits, class_index))
    (output,) = features
    (gradient,) = gradients(tape, chosen, features)
    weights = keras.ops.mean(gradient, axis=(1, 2), keepdims=True)
    weighted = keras.ops.sum(weights * keras.ops.cast(output, "float32"), axis=-1)
    maps: np.ndarray = keras.ops.convert_to_numpy(keras.ops.relu(weighted))
    return maps


def _enlarged(maps: np.ndarray, axis: int, side: int, strides: int) -> np.ndarray:
    """Position `i` of an axis over pixel `i * strides`, linear between, constant beyond the last."""
    last = maps.shape[axis] - 1
    places = np.minimum(np.arange(side) / strides, last).astype("float32")
    lower = places.astype(int)
    share = np.expand_dims(places % 1, tuple(a for a in range(maps.ndim) if a != axis))
    upper = np.minimum(lower + 1, last)
    enlarged: np.ndarray = (
        np.take(maps, lower, axis) * (1 - share) + np.take(maps, upper, axis) * share
    )
    return enlarged
