"""`ConvNorm`: convolution, batch normalisation and activation, which every block is made of."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable, fold_norm
from keras_resnets.layers._kernels import KernelInitializer
from keras_resnets.layers._merging import folded_groups, merge_groups
from keras_resnets.layers._swish import swish
from keras_resnets.layers.batch_norm import BatchNorm
from keras_resnets.layers.grouped_conv import GroupedConv2D


@keras.saving.register_keras_serializable(package="keras_resnets")
class ConvNorm(Deployable):
    """Convolution → batch normalisation → activation.

    The output of an input of side `n` has side `ceil(n / strides)`. Where `strides > 1` the padding is
    the symmetric `dilation_rate * (kernel_size - 1) // 2` of PyTorch, which differs from TensorFlow's
    `"same"` at even sides.

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)`.

    Args:
        filters: Number of output channels.
        kernel_size: An odd side of the kernel.
        strides: Strides of the convolution, the same for both axes.
        dilation_rate: Dilation of the convolution, the same for both axes; 1 where `strides > 1`.
        groups: Number of groups, which divides the input channels and `filters`.
        activation: A Keras activation's name, or `None`.
        use_bias: Whether the convolution has a bias too.
        zero_gamma: Whether to start with a zero scale, so that a residual branch starts as nothing
            (Goyal et al., 2017).
        folded: Whether there is no normalisation but a bias, as `deploy` makes it.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import ConvNorm
        >>> ConvNorm(16, 3, strides=2, groups=4, activation="relu")(keras.Input((9, 9, 8))).shape
        (None, 5, 5, 16)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        strides: int = 1,
        dilation_rate: int = 1,
        groups: int = 1,
        activation: str | None = None,
        use_bias: bool = False,
        zero_gamma: bool = False,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0:
            raise UserError(f"Expected an odd kernel_size. Received: kernel_size={kernel_size}.")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.groups = groups
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.zero_gamma = zero_gamma
        self.folded = folded

    @property
    def _padding(self) -> int:
        return 0 if self.strides == 1 else self.dilation_rate * (self.kernel_size - 1) // 2

    def build(self, input_shape: Shape) -> None:
        self.conv = GroupedConv2D(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            padding="same" if self.strides == 1 else "valid",
            dilation_rate=self.dilation_rate,
            groups=folded_groups(self.groups, input_shape[-1]) if self.folded else self.groups,
            use_bias=self.use_bias or self.folded,
            kernel_initializer=KernelInitializer(),
            dtype=self.dtype_policy,
            name="conv",
        )
        self.conv.build(self._padded(input_shape))
        self.norm = None
        if not self.folded:
            self.norm = BatchNorm(
                gamma_initializer="zeros" if self.zero_gamma else "ones",
                dtype=self.dtype_policy,
                name="norm",
            )
            self.norm.build(self.compute_output_shape(input_shape))

    def call(self, inputs: Tensor) -> Tensor:
        if self._padding:
            edge = (self._padding, self._padding)
            inputs = ops.pad(inputs, ((0, 0), edge, edge, (0, 0)))
        outputs = self.conv(inputs)
        if self.norm is not None:
            outputs = self.norm(outputs)
        is_swish = self.activation is keras.activations.silu
        return swish(outputs) if is_swish else self.activation(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, _ = input_shape
        height, width = (None if n is None else -(-n // self.strides) for n in (height, width))
        return batch, height, width, self.filters

    def _padded(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        height, width = (None if n is None else n + 2 * self._padding for n in (height, width))
        return batch, height, width, channels

    def folded_kernel(self) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias with the normalisation in them, in the same groups."""
        kernel, *bias = (ops.convert_to_numpy(v) for v in self.conv.weights)
        return fold_norm(kernel, bias[0] if bias else 0.0, self.norm)

    def deployed_weights(self) -> list[np.ndarray]:
        kernel, bias = self.folded_kernel()
        groups = folded_groups(self.groups, kernel.shape[2] * self.groups)
        return [merge_groups(kernel, self.groups, self.groups // groups), bias]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "zero_gamma": self.zero_gamma,
            "folded": self.folded,
        }
