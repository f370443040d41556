"""How TensorFlow runs a grouped convolution: five forms of one function, and the choice among them.

Keras' own `Conv2D(groups=g)` compiles every grouped convolution by XLA on the TensorFlow back end.
On a CPU the gradient then costs two to three orders of magnitude more than `tf.nn.conv2d`
(`benchmarks/grouped_conv.py` prints both), so `GroupedConv2D` lowers by itself.
"""

import contextvars
import functools
import warnings
from collections.abc import Callable
from typing import Literal, TypeAlias

import keras
import numpy as np

from keras_resnets._common.types import Tensor
from keras_resnets.layers._merging import (
    PHONE_WIDTH,
    block_diagonal_mask,
    folded_groups,
    merge_groups,
)
from keras_resnets.layers._placement import has_accelerator, is_traced_for_xla

Pair: TypeAlias = tuple[int, int]
Lowering: TypeAlias = Literal["native", "super_group", "depthwise", "pointwise", "frozen", "keras"]

# How a frozen kernel becomes a constant of the graph; `None` for TensorFlow's own way.
make_constant: contextvars.ContextVar[Callable[[np.ndarray], Tensor] | None] = (
    contextvars.ContextVar("how a kernel becomes a constant", default=None)
)

# Whether what is traced learns. What infers is left to TensorFlow as convolutions, which it fuses with
# what follows them, and which every converter knows.
is_learning: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "whether it learns", default=False
)

# More groups than this per convolution call cost more in dispatch than they save in arithmetic.
MAX_SUPER_GROUPS = 8


def choose_lowering(
    groups: int, input_channels: int, dtype: str, *, is_pointwise: bool = False
) -> Lowering:
    """The fastest form that this machine can also differentiate.

    Args:
        groups: Number of groups, 1 or more.
        input_channels: Channels of the input, a multiple of `groups`.
        dtype: The compute dtype, such as `"float32"`.
        is_pointwise: Whether an output position sees the same input position alone.
    """
    if groups == 1 or keras.backend.backend() != "tensorflow":
        if make_constant.get():
            return "frozen"
        return "pointwise" if is_pointwise and _products_are_faster(dtype) else "keras"
    if groups == input_channels:
        return "depthwise"
    if has_accelerator():
        return "native"
    if is_traced_for_xla():
        _warn_of_xla_on_cpu()
        return "super_group"
    return "native" if _cpu_differentiates_groups(dtype) else "super_group"


def native(
    inputs: Tensor, kernel: Tensor, strides: Pair, padding: str, dilation_rate: Pair
) -> Tensor:
    """`tf.nn.conv2d`, which reads the number of groups off the kernel's shape."""
    import tensorflow as tf

    return tf.nn.conv2d(inputs, kernel, strides, padding.upper(), dilations=dilation_rate)


def frozen(
    inputs: Tensor, kernel: Tensor, strides: Pair, padding: str, dilation_rate: Pair
) -> Tensor:
    """One operator on a constant: the kernel as it is now, its groups merged for a phone.

    For a graph that is to be converted: a converter does not fold a merging away.
    """
    import tensorflow as tf

    with tf.init_scope():
        values = keras.ops.convert_to_numpy(kernel)
    channels = inputs.shape[-1]
    groups = channels // values.shape[2]
    merged = groups // folded_groups(groups, channels, PHONE_WIDTH)
    make = make_constant.get() or functools.partial(tf.constant, dtype=inputs.dtype)
    kernel = make(merge_groups(values, groups, merged))
    if groups == 1:
        return keras.ops.conv(inputs, kernel, strides, padding, dilation_rate=dilation_rate)
    return native(inputs, kernel, strides, padding, dilation_rate)


def depthwise(
    inputs: Tensor, kernel: Tensor, strides: Pair, padding: str, dilation_rate: Pair
) -> Tensor:
    """One group a channel: output channel `c * m + q` is filter `q` of input channel `c`."""
    import tensorflow as tf

    height, width, _, filters = kernel.shape
    channels = inputs.shape[-1]
    return tf.nn.depthwise_conv2d(
        inputs,
        tf.reshape(kernel, (height, width, channels, filters // channels)),
        (1, *strides, 1),
        padding.upper(),
        dilations=dilation_rate,
    )


def pointwise(
    inputs: Tensor, kernel: Tensor, strides: Pair, padding: str, dilation_rate: Pair
) -> Tensor:
    """A kernel of one position: one product of matrices, over all positions of all images."""
    import tensorflow as tf

    channels, filters = kernel.shape[2:]
    outputs = tf.matmul(tf.reshape(inputs, (-1, channels)), tf.reshape(kernel, (channels, filters)))
    return tf.reshape(outputs, tf.concat((tf.shape(inputs)[:-1], (filters,)), axis=0))


def super_group(
    inputs: Tensor, kernel: Tensor, strides: Pair, padding: str, dilation_rate: Pair
) -> Tensor:
    """Few dense convolutions over merged groups, for where grouped gradients do not exist.

    Neighbouring groups are merged by block-diagonal kernels into at most `MAX_SUPER_GROUPS`; each is
    convolved densely and the results are concatenated. With that few groups to begin with it is the
    plain split. The zero blocks cost arithmetic, and no accuracy.
    """
    import tensorflow as tf

    groups = inputs.shape[-1] // kernel.shape[2]
    count = max(n for n in range(1, MAX_SUPER_GROUPS + 1) if groups % n == 0)
    merged = groups // count
    if merged > 1:
        mask = block_diagonal_mask(kernel.shape[2], kernel.shape[3], groups, merged)
        kernel = tf.tile(kernel, (1, 1, merged, 1)) * tf.constant(mask, kernel.dtype)
    outputs = [
        keras.ops.conv(part, part_kernel, strides, padding, dilation_rate=dilation_rate)
        for part, part_kernel in zip(
            tf.split(inputs, count, axis=-1), tf.split(kernel, count, axis=-1), strict=True
        )
    ]
    return tf.concat(outputs, axis=-1)


def _products_are_faster(dtype: str) -> bool:
    """Whether a kernel of one position learns faster as a product of matrices (docs/performance.md)."""
    if keras.backend.backend() != "tensorflow" or not is_learning.get() or dtype != "float32":
        return False
    return not has_accelerator() and not is_traced_for_xla()


@functools.cache
def _warn_of_xla_on_cpu() -> None:
    warnings.warn(
        "jit_compile=True on a CPU: grouped convolutions run as a few merged dense ones there, two to "
        "three times slower than without XLA (whose own grouped gradient is hundreds of times slower "
        "still). Leave jit_compile at its default to train faster.",
        stacklevel=2,
    )


@functools.cache
def _cpu_differentiates_groups(dtype: str) -> bool:
    """Tries a grouped gradient of two groups: it exists with oneDNN, and not without or in float16."""
    import tensorflow as tf

    # Lifted out of any graph under construction, so that the attempt runs now.
    with tf.init_scope(), tf.device("CPU:0"):
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=(1, 3, 3, 4),
                filter=tf.ones((3, 3, 2, 4), dtype),
                out_backprop=tf.ones((1, 3, 3, 4), dtype),
                strides=(1, 1, 1, 1),
                padding="SAME",
            )
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True
