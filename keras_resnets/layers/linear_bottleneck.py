"""`LinearBottleneck`: ReXNet's block, an inverted bottleneck with a partial shortcut."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.drop_block import DropBlock
from keras_resnets.layers.squeeze_excite import SqueezeExcite
from keras_resnets.layers.stochastic_depth import StochasticDepth


@keras.saving.register_keras_serializable(package="keras_resnets")
class LinearBottleneck(Deployable):
    """Expand → depthwise → squeeze-and-excite → ReLU6 → project (Han et al., 2021, §3).

    The depthwise convolution has no activation before the squeeze-and-excite, and the projection has
    none at all. The partial shortcut adds the input to the first channels of the output and leaves the
    new channels as they are.

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)` with
    sides `ceil(n / strides)`.

    Args:
        filters: Number of output channels.
        expanded: Number of channels of the depthwise convolution.
        expand: Whether a 1x1 convolution makes those channels; `False` where the input has them.
        shortcut: Whether the input is added; wants `strides=1` and no more input than output channels.
        strides: Strides of the depthwise convolution.
        dilation_rate: Dilation of the depthwise convolution.
        squeezed: Number of hidden units of the squeeze-and-excite; `None` for none.
        activation: Activation after the expansion: `"silu"`, or `"relu6"` in ReXNet-lite.
        drop_path_rate: Probability that a sample's branch is dropped in training, in `[0, 1)`. Without
            a shortcut nothing is dropped, since nothing would be left of the sample.
        drop_block_rate: Fraction of the branch's activations dropped in training, in `[0, 1)`.
        folded: Whether batch normalisation is folded, as `deploy` makes it.

    Raises:
        ValueError: At build, for a shortcut between shapes that do not allow one.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import LinearBottleneck
        >>> LinearBottleneck(12, 48, squeezed=4, shortcut=True)(keras.Input((9, 9, 8))).shape
        (None, 9, 9, 12)
    """

    def __init__(
        self,
        filters: int,
        expanded: int,
        *,
        expand: bool = True,
        shortcut: bool = False,
        strides: int = 1,
        dilation_rate: int = 1,
        squeezed: int | None = None,
        activation: str = "silu",
        drop_path_rate: float = 0.0,
        drop_block_rate: float = 0.0,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.expanded = expanded
        self.expand = expand
        self.shortcut = shortcut
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.squeezed = squeezed
        self.activation = activation
        self.drop_path_rate = drop_path_rate
        self.drop_block_rate = drop_block_rate
        self.folded = folded

        def conv_norm(name: str, filters: int, kernel_size: int = 1, **options: Any) -> ConvNorm:
            return ConvNorm(
                filters,
                kernel_size,
                folded=folded,
                dtype=self.dtype_policy,
                name=name,
                **options,
            )

        self.expansion = conv_norm("expansion", expanded, activation=activation) if expand else None
        self.depthwise = conv_norm(
            "depthwise",
            expanded,
            kernel_size=3,
            strides=strides,
            dilation_rate=dilation_rate,
            groups=expanded,
        )
        self.squeeze_excite = None
        if squeezed is not None:
            self.squeeze_excite = SqueezeExcite(
                squeezed, folded=folded, dtype=self.dtype_policy, name="squeeze_excite"
            )
        self.projection = conv_norm("projection", filters)
        self.drop_block = None
        if drop_block_rate:
            self.drop_block = DropBlock(drop_block_rate, dtype=self.dtype_policy, name="drop_block")
        self.drop_path = None
        if drop_path_rate and shortcut:
            self.drop_path = StochasticDepth(
                drop_path_rate, dtype=self.dtype_policy, name="drop_path"
            )

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1]
        if self.shortcut and (self.strides > 1 or channels > self.filters):
            raise UserError(
                "Expected strides=1 and no more input than output channels with shortcut=True. "
                f"Received: strides={self.strides}, channels={channels}, filters={self.filters}."
            )
        shape = input_shape
        if self.expansion is not None:
            self.expansion.build(shape)
            shape = self.expansion.compute_output_shape(shape)
        self.depthwise.build(shape)
        shape = self.depthwise.compute_output_shape(shape)
        if self.squeeze_excite is not None:
            self.squeeze_excite.build(shape)
        self.projection.build(shape)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = inputs
        if self.expansion is not None:
            outputs = self._dropped(self.expansion(outputs))
        outputs = self._dropped(self.depthwise(outputs))
        if self.squeeze_excite is not None:
            outputs = self.squeeze_excite(outputs)
        outputs = self._dropped(self.projection(ops.relu6(outputs)))
        if self.drop_path is not None:
            outputs = self.drop_path(outputs)
        if not self.shortcut:
            return outputs
        new_channels = self.filters - inputs.shape[-1]
        return outputs + ops.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, new_channels)))

    def _dropped(self, outputs: Tensor) -> Tensor:
        return outputs if self.drop_block is None else self.drop_block(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return *self.depthwise.compute_output_shape((*input_shape[:3], self.expanded))[
            :3
        ], self.filters

    def deployed_config(self) -> dict[str, Any]:
        return {**super().deployed_config(), "drop_path_rate": 0.0, "drop_block_rate": 0.0}

    def deployed_weights(self) -> list[np.ndarray]:
        children = (self.expansion, self.depthwise, self.squeeze_excite, self.projection)
        return [w for child in children if child is not None for w in child.deployed_weights()]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "expanded": self.expanded,
            "expand": self.expand,
            "shortcut": self.shortcut,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "squeezed": self.squeezed,
            "activation": self.activation,
            "drop_path_rate": self.drop_path_rate,
            "drop_block_rate": self.drop_block_rate,
            "folded": self.folded,
        }
