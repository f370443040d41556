"""`SplitAttention`: the spatial layer of the ResNeSt block."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers._kernels import KernelInitializer
from keras_resnets.layers._merging import merge_groups
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.grouped_conv import GroupedConv2D
from keras_resnets.layers.padded_pool import PaddedAveragePool
from keras_resnets.layers.radix_layout import radix_major_order

# The released checkpoints never have fewer hidden units.
MIN_HIDDEN_UNITS = 32


@keras.saving.register_keras_serializable(package="keras_resnets")
class SplitAttention(Deployable):
    """Attention over `radix` feature maps in each of `cardinality` groups (Zhang et al., 2020, §3).

    A grouped convolution makes `radix * filters` channels, radix-major: `radix` maps of `filters`
    channels each. The sum of the maps, pooled over all positions, passes two 1x1 layers grouped by
    `cardinality`; the softmax over the radix (a sigmoid for radix 1) weights the maps, and they are
    added. The second 1x1 layer's output is cardinality-major, `(cardinality, radix, rest)`.

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)` with
    sides `ceil(n / strides)`.

    Args:
        filters: Number of output channels, a multiple of `cardinality`.
        kernel_size: An odd side of the convolution's kernel.
        radix: Number of feature maps of a group, 1 or more.
        cardinality: Number of groups, 1 or more.
        strides: Strides of a 3x3 average pool, never taken by the convolution (the paper's average
            downsampling).
        dilation_rate: Dilation of the convolution and the pool.
        pool: Where that pool stands, `"before"` the convolution or `"after"` the attention; `None`
            for no pool.
        reduction: Divisor of the hidden units: there are `max(filters * radix // reduction, 32)`
            units.
        folded: Whether this is the form that `deploy` makes. Batch normalisation is folded; the
            first 1x1 layer takes the unsummed maps by a stacked kernel; for radix 2 the softmax is
            a sigmoid of the logits' difference.

    Raises:
        ValueError: For `strides` above 1 without a pool, or an unknown `pool`.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import SplitAttention
        >>> SplitAttention(16, radix=2, strides=2, pool="after")(keras.Input((9, 9, 8))).shape
        (None, 5, 5, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        radix: int = 2,
        cardinality: int = 1,
        strides: int = 1,
        dilation_rate: int = 1,
        pool: str | None = None,
        reduction: int = 4,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if pool not in (None, "before", "after"):
            raise UserError(
                f"Expected pool to be None, 'before' or 'after'. Received: pool={pool!r}."
            )
        if strides > 1 and pool is None:
            raise UserError(
                "Expected pool='before' or 'after' with strides > 1, since the pool takes the steps. "
                f"Received: strides={strides}, pool=None."
            )
        self.filters = filters
        self.kernel_size = kernel_size
        self.radix = radix
        self.cardinality = cardinality
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.pool = pool
        self.reduction = reduction
        self.folded = folded

        self.average_pool = None
        if pool is not None:
            self.average_pool = PaddedAveragePool(
                strides=strides,
                dilation_rate=dilation_rate,
                folded=folded,
                dtype=self.dtype_policy,
                name="average_pool",
            )
        self.conv = ConvNorm(
            filters * radix,
            kernel_size,
            dilation_rate=dilation_rate,
            groups=cardinality * radix,
            activation="relu",
            folded=folded,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.fc1 = ConvNorm(
            max(filters * radix // reduction, MIN_HIDDEN_UNITS),
            1,
            groups=1 if folded else cardinality,
            activation="relu",
            use_bias=True,
            folded=folded,
            dtype=self.dtype_policy,
            name="fc1",
        )
        self.fc2 = GroupedConv2D(
            filters * radix,
            1,
            groups=1 if folded else cardinality,
            kernel_initializer=KernelInitializer(),
            dtype=self.dtype_policy,
            name="fc2",
        )

    def build(self, input_shape: Shape) -> None:
        self.conv.build(input_shape)
        batch = input_shape[0]
        self.fc1.build((batch, 1, 1, self.filters * (self.radix if self.folded else 1)))
        self.fc2.build((batch, 1, 1, self.fc1.filters))

    def call(self, inputs: Tensor) -> Tensor:
        maps = self._maps(inputs)
        outputs = self._sum_over_radix(maps * self._attention(maps))
        if self.average_pool is not None and self.pool == "after":
            outputs = self.average_pool(outputs)
        return outputs

    def attention(self, inputs: Tensor) -> Tensor:
        """The weight of each split's channels, `(batch, radix, filters)`, for the layer's input."""
        weights = self._attention(self._maps(inputs))
        return ops.reshape(weights, (-1, self.radix, self.filters))

    def _maps(self, inputs: Tensor) -> Tensor:
        """The splits before they are weighted: `(batch, height, width, radix * filters)`."""
        if self.average_pool is not None and self.pool == "before":
            inputs = self.average_pool(inputs)
        return self.conv(inputs)

    def _attention(self, maps: Tensor) -> Tensor:
        """The weight of every map and channel, radix-major: `(batch, 1, 1, radix * filters)`."""
        if self.folded:
            logits = self.fc2(self.fc1(ops.mean(maps, axis=(1, 2), keepdims=True)))
            return ops.sigmoid(logits) if self.radix <= 2 else self._radix_major_softmax(logits)
        pooled = ops.mean(self._sum_over_radix(maps), axis=(1, 2), keepdims=True)
        logits = self.fc2(self.fc1(pooled))
        return ops.sigmoid(logits) if self.radix == 1 else self._radix_softmax(logits)

    def _radix_softmax(self, logits: Tensor) -> Tensor:
        """From cardinality-major logits to radix-major weights."""
        rest = self.filters // self.cardinality
        logits = ops.reshape(logits, (-1, self.cardinality, self.radix, rest))
        weights = ops.transpose(ops.softmax(logits, axis=2), (0, 2, 1, 3))
        return ops.reshape(weights, (-1, 1, 1, self.radix * self.filters))

    def _radix_major_softmax(self, logits: Tensor) -> Tensor:
        """The softmax by element-wise operations alone, which need no transposition on a phone."""
        parts = ops.split(logits, self.radix, axis=-1)
        highest = parts[0]
        for part in parts[1:]:
            highest = ops.maximum(highest, part)
        parts = [ops.exp(part - highest) for part in parts]
        total = sum(parts[1:], parts[0])
        return ops.concatenate([part / total for part in parts], axis=-1)

    def _sum_over_radix(self, maps: Tensor) -> Tensor:
        if self.radix == 1:
            return maps
        parts = ops.split(maps, self.radix, axis=-1)
        return sum(parts[1:], parts[0])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = self.conv.compute_output_shape(input_shape)
        if self.average_pool is not None:
            shape = self.average_pool.compute_output_shape(shape)
        return *shape[:3], self.filters

    def deployed_weights(self) -> list[np.ndarray]:
        fc1_kernel, fc1_bias = self.fc1.folded_kernel()
        fc2_kernel, fc2_bias = (ops.convert_to_numpy(v) for v in self.fc2.weights)
        stacked = np.concatenate(
            [merge_groups(fc1_kernel, self.cardinality, self.cardinality)] * self.radix, axis=2
        )
        order = radix_major_order(self.filters, self.radix, self.cardinality)
        fc2_kernel = merge_groups(fc2_kernel, self.cardinality, self.cardinality)[..., order]
        fc2_bias = fc2_bias[order]
        if self.radix == 2:
            # softmax(a, b) = (sigmoid(a - b), sigmoid(b - a))
            swap = np.roll(np.arange(2 * self.filters), self.filters)
            fc2_kernel = fc2_kernel - fc2_kernel[..., swap]
            fc2_bias = fc2_bias - fc2_bias[swap]
        return [*self.conv.deployed_weights(), stacked, fc1_bias, fc2_kernel, fc2_bias]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "radix": self.radix,
            "cardinality": self.cardinality,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "pool": self.pool,
            "reduction": self.reduction,
            "folded": self.folded,
        }
