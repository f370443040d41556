"""`Stem`: what stands between the image and the first stage."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import ConvNorm

STEMS = ("conv7", "deep", "small")
POOLS = ("max", "average")


@keras.saving.register_keras_serializable(package="keras_resnets")
class Stem(Deployable):
    """The first convolutions, and the pool where there is one.

    Input: `(batch, height, width, channels)`; output: `(batch, height / 4, width / 4, filters)`, with
    the sides rounded up after each halving (down at the average pool); for `"small"` as large as the
    input.

    Args:
        filters: Number of output channels.
        kind: Kind of the stem: `"conv7"`, a 7x7 convolution with strides 2 (He et al., 2016);
            `"deep"`, three 3x3 convolutions, the first with strides 2, the first two with half the
            filters (ResNet-D, He et al., 2019); both followed by a pool with strides 2. `"small"`,
            one 3x3 convolution and no pool, for images of up to 64 pixels a side.
        pool: Kind of the pool: `"max"`, over 3x3 positions; `"average"`, over 2x2, for a network
            whose downsampling is anti-aliased (Zhang, 2019).
        folded: Whether batch normalisation is folded, as `deploy` makes it.

    Raises:
        ValueError: For an unknown kind or pool, or at build for images of which nothing is left.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import Stem
        >>> Stem(64, kind="deep")(keras.Input((224, 224, 3))).shape
        (None, 56, 56, 64)
        >>> Stem(64, kind="small")(keras.Input((32, 32, 3))).shape
        (None, 32, 32, 64)
    """

    def __init__(
        self,
        filters: int,
        *,
        kind: str = "conv7",
        pool: str = "max",
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if kind not in STEMS:
            raise UserError(f"Expected a stem of {STEMS}. Received: kind={kind!r}.")
        if pool not in POOLS:
            raise UserError(f"Expected a pool of {POOLS}. Received: pool={pool!r}.")
        self.filters = filters
        self.kind = kind
        self.pool = pool
        self.folded = folded
        # Filters, kernel size, strides.
        plans = {
            "conv7": [(filters, 7, 2)],
            "deep": [(filters // 2, 3, 2), (filters // 2, 3, 1), (filters, 3, 1)],
            "small": [(filters, 3, 1)],
        }
        self.convs = [
            ConvNorm(
                filters,
                kernel_size,
                strides=strides,
                activation="relu",
                folded=folded,
                dtype=self.dtype_policy,
                name=f"conv{i}",
            )
            for i, (filters, kernel_size, strides) in enumerate(plans[kind], start=1)
        ]

    @property
    def strides(self) -> int:
        return 1 if self.kind == "small" else 4

    def build(self, input_shape: Shape) -> None:
        if 0 in self.compute_output_shape(input_shape):
            raise UserError(
                "Expected images of at least 3x3 pixels with pool='average'. "
                f"Received: {input_shape[1:]}."
            )
        shape = input_shape
        for conv in self.convs:
            conv.build(shape)
            shape = conv.compute_output_shape(shape)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = inputs
        for conv in self.convs:
            outputs = conv(outputs)
        if self.kind == "small":
            return outputs
        if self.pool == "average":
            return ops.average_pool(outputs, 2, strides=2, padding="valid")
        # After a ReLU, zeros serve as the minus infinity that PyTorch pads with.
        padded = ops.pad(outputs, ((0, 0), (1, 1), (1, 1), (0, 0)))
        return ops.max_pool(padded, 3, strides=2, padding="valid")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        batch, height, width, _ = input_shape
        height, width = (None if n is None else self._output_side(n) for n in (height, width))
        return batch, height, width, self.filters

    def _output_side(self, side: int) -> int:
        if self.kind == "small":
            return side
        halved = (side + 1) // 2
        return halved // 2 if self.pool == "average" else (halved + 1) // 2

    def deployed_weights(self) -> list[np.ndarray]:
        return [weight for conv in self.convs for weight in conv.deployed_weights()]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kind": self.kind,
            "pool": self.pool,
            "folded": self.folded,
        }
