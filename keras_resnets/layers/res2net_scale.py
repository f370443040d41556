"""`Res2NetScale`: the spatial layer of the Res2Net block."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.padded_pool import PaddedAveragePool

# A phone's accelerated kernels split into at most four parts, and concatenate at most five.
MOST_PARTS = 4


@keras.saving.register_keras_serializable(package="keras_resnets")
class Res2NetScale(Deployable):
    """A hierarchy of 3x3 convolutions within one block (Gao et al., 2019, §3.1).

    The input's channels are split into `scale` parts `x_1 … x_s`. In the usual block
    `y_1 = K_1(x_1)`, `y_i = K_i(x_i + y_{i-1})` for `1 < i < s`, and `y_s = x_s`; the outputs are
    concatenated. The first block of every stage has `connected=False`: there `y_i = K_i(x_i)`, and
    `y_s` is the 3x3 average pool of `x_s`, since a stride leaves nothing of one size to add.

    Input: `(batch, height, width, filters)`; output: the same channels, sides `ceil(n / strides)`.

    Args:
        filters: Number of channels of all parts, a multiple of `scale`.
        scale: Number of parts, 2 or more.
        cardinality: Number of groups within each 3x3 convolution (Res2NeXt).
        strides: Strides of the convolutions and the pool, 1 where `connected`.
        dilation_rate: Dilation of the convolutions and the pool.
        connected: Whether each part takes the one before it.
        folded: Whether this is the form that `deploy` makes: batch normalisation folded, and more
            than four parts split and concatenated in two steps.

    Raises:
        ValueError: For a scale below 2 or one that does not divide `filters`, or a connected block
            with strides.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import Res2NetScale
        >>> Res2NetScale(16, scale=4)(keras.Input((9, 9, 16))).shape
        (None, 9, 9, 16)
    """

    def __init__(
        self,
        filters: int,
        *,
        scale: int = 4,
        cardinality: int = 1,
        strides: int = 1,
        dilation_rate: int = 1,
        connected: bool = True,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if scale < 2 or filters % scale:
            raise UserError(
                "Expected a scale of 2 or more that divides filters. "
                f"Received: scale={scale}, filters={filters}."
            )
        if connected and strides > 1:
            raise UserError(
                "Expected connected=False with strides > 1, since the parts have different sizes. "
                f"Received: strides={strides}, connected=True."
            )
        self.filters = filters
        self.scale = scale
        self.cardinality = cardinality
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.connected = connected
        self.folded = folded
        self.convs = [
            ConvNorm(
                filters // scale,
                3,
                strides=strides,
                dilation_rate=dilation_rate,
                groups=cardinality,
                activation="relu",
                folded=folded,
                dtype=self.dtype_policy,
                name=f"conv{i}",
            )
            for i in range(1, scale)
        ]
        self.average_pool = None
        if not connected:
            self.average_pool = PaddedAveragePool(
                strides=strides,
                dilation_rate=dilation_rate,
                folded=folded,
                dtype=self.dtype_policy,
                name="average_pool",
            )

    def build(self, input_shape: Shape) -> None:
        for conv in self.convs:
            conv.build((*input_shape[:3], self.filters // self.scale))

    def call(self, inputs: Tensor) -> Tensor:
        *parts, last = self._split(inputs)
        outputs: list[Tensor] = []
        for conv, part in zip(self.convs, parts, strict=True):
            if self.connected and outputs:
                part = part + outputs[-1]
            outputs.append(conv(part))
        outputs.append(last if self.average_pool is None else self.average_pool(last))
        return self._concatenate(outputs)

    def _split(self, inputs: Tensor) -> list[Tensor]:
        """The parts; folded, in two steps where they are many."""
        factor = _step(self.scale) if self.folded else self.scale
        if factor == self.scale:
            return list(ops.split(inputs, self.scale, axis=-1))
        return [
            part
            for wide in ops.split(inputs, factor, axis=-1)
            for part in ops.split(wide, self.scale // factor, axis=-1)
        ]

    def _concatenate(self, parts: list[Tensor]) -> Tensor:
        factor = _step(self.scale) if self.folded else self.scale
        if factor == self.scale:
            return ops.concatenate(parts, axis=-1)
        run = self.scale // factor
        wide = [ops.concatenate(parts[i : i + run], axis=-1) for i in range(0, self.scale, run)]
        return ops.concatenate(wide, axis=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        part = self.convs[0].compute_output_shape((*input_shape[:3], self.filters // self.scale))
        return *part[:3], self.filters

    def deployed_weights(self) -> list[np.ndarray]:
        return [weight for conv in self.convs for weight in conv.deployed_weights()]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "scale": self.scale,
            "cardinality": self.cardinality,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "connected": self.connected,
            "folded": self.folded,
        }


def _step(scale: int) -> int:
    """How many wide parts to make first, for no split of more than `MOST_PARTS`."""
    if scale <= MOST_PARTS:
        return scale
    return max((n for n in range(2, MOST_PARTS + 1) if scale % n == 0), default=scale)
