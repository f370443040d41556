"""`SqueezeExcite`: channel attention from globally pooled features."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import CONV_INITIALIZER, ConvNorm
from keras_resnets.layers.grouped_conv import GroupedConv2D


@keras.saving.register_keras_serializable(package="keras_resnets")
class SqueezeExcite(Deployable):
    """Scales each channel by a gate computed from all of them (Hu et al., 2018, §3).

    `inputs * sigmoid(fc2(relu(norm(fc1(mean over positions)))))`, with the batch normalisation that
    ReXNet puts inside.

    Input and output: `(batch, height, width, channels)`.

    Args:
        hidden: Units of the first layer.
        folded: Batch normalisation folded, as `deploy` makes it.
    """

    def __init__(self, hidden: int, *, folded: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.hidden = hidden
        self.folded = folded
        self.fc1 = ConvNorm(
            hidden,
            1,
            activation="relu",
            use_bias=True,
            folded=folded,
            dtype=self.dtype_policy,
            name="fc1",
        )

    def build(self, input_shape: Shape) -> None:
        self.fc1.build((input_shape[0], 1, 1, input_shape[-1]))
        self.fc2 = GroupedConv2D(
            input_shape[-1],
            1,
            kernel_initializer=CONV_INITIALIZER,
            dtype=self.dtype_policy,
            name="fc2",
        )
        self.fc2.build((input_shape[0], 1, 1, self.hidden))

    def call(self, inputs: Tensor) -> Tensor:
        pooled = ops.mean(inputs, axis=(1, 2), keepdims=True)
        return inputs * ops.sigmoid(self.fc2(self.fc1(pooled)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def deployed_weights(self) -> list[np.ndarray]:
        return [
            *self.fc1.deployed_weights(),
            *(ops.convert_to_numpy(v) for v in self.fc2.weights),
        ]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": self.hidden, "folded": self.folded}
