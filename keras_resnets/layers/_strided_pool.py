"""`StridedPool`: what the two average pools of these networks share."""

from typing import Any

import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.layers._deployable import Deployable


class StridedPool(Deployable):
    """A pool without weights, whose output has sides `ceil(n / strides)`.

    The pools tell its arguments. Folded it is a depthwise convolution with a constant kernel: a
    phone's int8 kernels have that one, and no average pool.
    """

    def __init__(
        self, *, strides: int = 1, dilation_rate: int = 1, folded: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.folded = folded

    def constant_pool(self, inputs: Tensor, size: int) -> Tensor:
        """The mean over `size` x `size` positions as a depthwise convolution, which can be dilated."""
        kernel = np.full((size, size, inputs.shape[-1], 1), size**-2)
        return ops.depthwise_conv(
            inputs,
            ops.convert_to_tensor(kernel, inputs.dtype),
            self.strides,
            padding="valid",
            dilation_rate=self.dilation_rate,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, channels = input_shape
        height, width = (None if n is None else -(-n // self.strides) for n in (height, width))
        return batch, height, width, channels

    def deployed_weights(self) -> list[np.ndarray]:
        return []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "folded": self.folded,
        }
