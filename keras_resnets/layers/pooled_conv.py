"""`PooledConv`: a convolution whose strides an average pool takes."""

from typing import Any

import keras
import numpy as np

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.shortcut_pool import ShortcutPool


@keras.saving.register_keras_serializable(package="keras_resnets")
class PooledConv(Deployable):
    """A 3x3 `ConvNorm` with ReLU at every position, then a 2x2 average pool (Zhang, 2019).

    A strided convolution looks at every second position alone, so that a shift of one pixel changes
    its answer; the mean over neighbours is a low-pass filter. At odd sides the pool leaves positions
    beyond the edge out, as the shortcut's does (timm refuses such sides).

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)` with
    sides `ceil(n / strides)`.

    Args:
        filters: Number of output channels.
        strides: Strides of the pool, 1 or 2, the same for both axes.
        dilation_rate: Dilation of the convolution, and the distance of the pool's positions.
        groups: Number of groups, which divides the input channels and `filters`.
        folded: Whether batch normalisation is folded, as `deploy` makes it.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import PooledConv
        >>> PooledConv(16, strides=2)(keras.Input((9, 9, 8))).shape
        (None, 5, 5, 16)

    Raises:
        ValueError: For other strides than 1 and 2.
    """

    def __init__(
        self,
        filters: int,
        *,
        strides: int = 1,
        dilation_rate: int = 1,
        groups: int = 1,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.groups = groups
        self.folded = folded
        self.conv = ConvNorm(
            filters,
            3,
            dilation_rate=dilation_rate,
            groups=groups,
            activation="relu",
            folded=folded,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.pool = ShortcutPool(
            strides=strides,
            dilation_rate=dilation_rate,
            folded=folded,
            dtype=self.dtype_policy,
            name="pool",
        )

    def build(self, input_shape: Shape) -> None:
        self.conv.build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        return self.pool(self.conv(inputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = self.conv.compute_output_shape(input_shape)
        return self.pool.compute_output_shape(shape)

    def deployed_weights(self) -> list[np.ndarray]:
        return self.conv.deployed_weights()

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "folded": self.folded,
        }
