"""Which of a block's parallel paths answered: ResNeSt's splits, Res2Net's scales, ResNeXt's groups."""

from typing import Any

import keras
import numpy as np

from keras_resnets._common.types import Tensor
from keras_resnets.explain.tracing import Tracer, choose_classes, gradients, scores
from keras_resnets.layers import Bottleneck, ConvNorm, Res2NetScale, SplitAttention

# What the parallel paths of a block are called, by the layer that has them.
_KINDS: dict[type[keras.layers.Layer], str] = {
    SplitAttention: "split",
    Res2NetScale: "scale",
    ConvNorm: "group",
}


def split_attention_weights(model: keras.Model, image: Any) -> dict[str, np.ndarray]:
    """How much ResNeSt attends to each of its splits, block by block (Zhang et al., 2020, §3.1).

    A block adds up `radix` feature maps of `filters` channels each, weighted; these are the weights.
    They sum to 1 over the splits of a channel, save for radix 1, where each is a sigmoid.

    Args:
        model: As for `keras_resnets.explain.grad_cam`.
        image: `(height, width, channels)`, as the model takes it.

    Returns:
        Block → `(radix, filters)` float32 in `[0, 1]`, from the image on; without entries for other
        families.

    Raises:
        UserError: For a model or an image that cannot be explained.

    Example:
        >>> import keras_resnets, numpy as np
        >>> from keras_resnets.explain import split_attention_weights
        >>> model = keras_resnets.ResNeSt(depths=(1, 1), classes=3, input_shape=(64, 64, 3))
        >>> weights = split_attention_weights(model, np.ones((64, 64, 3)))
        >>> weights["stage1_block1"].shape
        (2, 64)
    """
    tracer = Tracer(model)
    blocks = {block.name: block for block in _blocks(tracer, SplitAttention)}
    weights: dict[str, np.ndarray] = {}

    def keep(name: str, inputs: Tensor) -> None:
        if name in blocks:
            block = blocks[name]
            (attention,) = block.spatial.attention(block.conv1(inputs))
            weights[name] = keras.ops.convert_to_numpy(keras.ops.cast(attention, "float32"))

    tracer.run(_one(tracer, image), before=keep)
    return weights


def path_contributions(
    model: keras.Model, image: Any, *, class_index: int | None = None
) -> dict[str, np.ndarray]:
    """What each of ResNeXt's groups, or of Res2Net's scales, adds to a class's logit.

    The measure is the derivative of the logit by a gate on the path, at 1: to first order what the
    logit loses where the path is closed (Molchanov et al., 2017, equation 8). For Res2Net the gate is
    behind the hierarchy: what a scale hands on to the next ones is counted as theirs.

    Args:
        model: As for `keras_resnets.explain.grad_cam`.
        image: `(height, width, channels)`, as the model takes it.
        class_index: The class, or `None` for the predicted one.

    Returns:
        Block → `(paths,)` float32 in logits, negative for paths that speak against the class, from
        the image on; without entries for blocks of a single path, such as ReXNet's.

    Raises:
        UserError: For a model, an image or a class that cannot be explained.

    Example:
        >>> import keras_resnets, numpy as np
        >>> from keras_resnets.explain import path_contributions
        >>> model = keras_resnets.Res2Net(depths=(1, 1), scale=4, input_shape=(64, 64, 3))
        >>> contributions = path_contributions(model, np.ones((64, 64, 3)))
        >>> contributions["stage2_block1"].shape
        (4,)
    """
    import tensorflow as tf

    tracer = Tracer(model)
    blocks = {block: _count(block) for block in _blocks(tracer, ConvNorm, Res2NetScale)}
    # A gate on channels of conv3's input scales the rows of its kernel that read them: the
    # derivative by the gate is the product of these rows and their gradient.
    kernels = [block.conv3.conv.kernel.value for block in blocks]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for kernel in kernels:
            tape.watch(kernel)
        logits = tracer.run(_one(tracer, image))
        (score,) = scores(logits, choose_classes(logits, class_index))
    contributions: dict[str, np.ndarray] = {}
    for (block, count), kernel, gradient in zip(
        blocks.items(), kernels, gradients(tape, score, kernels), strict=True
    ):
        rows = keras.ops.convert_to_numpy(keras.ops.sum(kernel * gradient, axis=(0, 1, 3)))
        contributions[block.name] = rows.reshape(count, -1).sum(axis=1)
    return contributions


def path_kind(model: keras.Model) -> str | None:
    """What the parallel paths of a model's blocks are.

    Returns:
        `"split"` (ResNeSt), `"scale"` (Res2Net), `"group"` (ResNeXt), or `None` where each block has
        one path.

    Raises:
        UserError: For a model that cannot be explained.

    Example:
        >>> import keras_resnets
        >>> from keras_resnets.explain.paths import path_kind
        >>> path_kind(keras_resnets.ResNeSt(depths=(1, 1)))
        'split'
    """
    tracer = Tracer(model)
    kinds = (kind for spatial, kind in _KINDS.items() if _blocks(tracer, spatial))
    return next(kinds, None)


def _blocks(tracer: Tracer, *spatial: type[keras.layers.Layer]) -> list[Bottleneck]:
    return [
        layer
        for layer in tracer.backbone.layers
        if isinstance(layer, Bottleneck)
        and isinstance(layer.spatial, spatial)
        and (isinstance(layer.spatial, SplitAttention) or _count(layer) > 1)
    ]


def _count(block: Bottleneck) -> int:
    """Parallel paths of a block, side by side in the channels that its last convolution reads."""
    spatial = block.spatial
    return spatial.scale if isinstance(spatial, Res2NetScale) else spatial.groups


def _one(tracer: Tracer, image: Any) -> Tensor:
    return tracer.batch(np.asarray(image)[None])
