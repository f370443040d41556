"""`SqueezeExcite`: channel attention from globally pooled features."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers._kernels import KernelInitializer
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.grouped_conv import GroupedConv2D


@keras.saving.register_keras_serializable(package="keras_resnets")
class SqueezeExcite(Deployable):
    """Scales each channel by a gate computed from all of them (Hu et al., 2018, §3).

    `inputs * sigmoid(fc2(relu(fc1(mean over positions))))`. ReXNet puts a batch normalisation behind
    `fc1`; the paper has none.

    Input and output: `(batch, height, width, channels)`.

    Args:
        hidden: Number of units of the first layer.
        use_norm: Whether batch normalisation follows the first layer.
        folded: Whether batch normalisation is folded, as `deploy` makes it.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import SqueezeExcite
        >>> SqueezeExcite(4)(keras.Input((9, 9, 16))).shape
        (None, 9, 9, 16)
    """

    def __init__(self, hidden: int, *, use_norm: bool = True, folded: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.use_norm = use_norm
        self.folded = folded
        if use_norm:
            self.fc1 = ConvNorm(
                hidden,
                1,
                activation="relu",
                use_bias=True,
                folded=folded,
                dtype=self.dtype_policy,
                name="fc1",
            )
        else:
            self.fc1 = self._fc(hidden, activation="relu", name="fc1")

    def build(self, input_shape: Shape) -> None:
        self.fc1.build((input_shape[0], 1, 1, input_shape[-1]))
        self.fc2 = self._fc(input_shape[-1], name="fc2")
        self.fc2.build((input_shape[0], 1, 1, self.hidden))

    def _fc(self, units: int, **options: Any) -> GroupedConv2D:
        return GroupedConv2D(
            units, 1, kernel_initializer=KernelInitializer(), dtype=self.dtype_policy, **options
        )

    def call(self, inputs: Tensor) -> Tensor:
        pooled = ops.mean(inputs, axis=(1, 2), keepdims=True)
        return inputs * ops.sigmoid(self.fc2(self.fc1(pooled)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def deployed_weights(self) -> list[np.ndarray]:
        fc1 = self.fc1.deployed_weights() if self.use_norm else self.fc1.get_weights()
        return [*fc1, *self.fc2.get_weights()]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "hidden": self.hidden,
            "use_norm": self.use_norm,
            "folded": self.folded,
        }
