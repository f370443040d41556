"""`Bottleneck`: the residual block of ResNet and of its three relatives here."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError
from keras_resnets.layers._deployable import Deployable
from keras_resnets.layers.conv_norm import ConvNorm
from keras_resnets.layers.drop_block import DropBlock
from keras_resnets.layers.shortcut_pool import ShortcutPool
from keras_resnets.layers.stochastic_depth import StochasticDepth

SHORTCUTS = ("identity", "conv", "pool")


@keras.saving.register_keras_serializable(package="keras_resnets")
class Bottleneck(Deployable):
    """`relu(shortcut(x) + attention(conv3(spatial(conv1(x)))))` (He et al., 2016, fig. 5).

    The spatial layer makes the family: a grouped `ConvNorm` is ResNeXt's block, `SplitAttention`
    ResNeSt's, `Res2NetScale` Res2Net's. The attention, where there is one, is the last word of the
    branch, as Hu et al. (2018, fig. 3) place their squeeze-and-excite.

    Input: `(batch, height, width, channels)`; output: `(batch, new_height, new_width, filters)` with
    sides `ceil(n / strides)`.

    Args:
        filters: Number of output channels.
        width: Number of channels between the first 1x1 convolution and the spatial layer.
        spatial: The layer between the 1x1 convolutions, with an activation of its own, which takes
            the block's strides; not built yet, it gets the block's dtype policy.
        attention: The layer behind the last 1x1 convolution, which keeps its shape, or `None`.
        strides: Strides of the spatial layer, for the shortcut to match.
        dilation_rate: Dilation of the shortcut's pool, for it to sample as the spatial layer does.
        shortcut: `"identity"`; `"conv"`, a strided 1x1 convolution (ResNet's option B); `"pool"`, a
            2x2 average pool with those strides, then the 1x1 convolution (ResNet-D, He et al., 2019).
        zero_gamma: Whether to start with the branch's last scale at zero (Goyal et al., 2017).
        drop_path_rate: Probability that a sample's branch is dropped in training, in `[0, 1)`.
        drop_block_rate: Fraction of the activations behind each of the branch's three layers that is
            dropped in training, in `[0, 1)`.
        folded: Whether batch normalisation is folded, as `deploy` makes it.

    Raises:
        ValueError: For an unknown shortcut, or at build for an identity between unequal shapes.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import Bottleneck, ConvNorm
        >>> grouped = ConvNorm(32, 3, groups=8, strides=2, activation="relu", name="spatial")
        >>> Bottleneck(64, 32, grouped, strides=2, shortcut="conv")(keras.Input((9, 9, 16))).shape
        (None, 5, 5, 64)
    """

    def __init__(
        self,
        filters: int,
        width: int,
        spatial: Deployable | dict[str, Any],
        *,
        attention: Deployable | dict[str, Any] | None = None,
        strides: int = 1,
        dilation_rate: int = 1,
        shortcut: str = "identity",
        zero_gamma: bool = False,
        drop_path_rate: float = 0.0,
        drop_block_rate: float = 0.0,
        folded: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if shortcut not in SHORTCUTS:
            raise UserError(f"Expected a shortcut of {SHORTCUTS}. Received: shortcut={shortcut!r}.")
        self.filters = filters
        self.width = width
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.shortcut_kind = shortcut
        self.zero_gamma = zero_gamma
        self.drop_path_rate = drop_path_rate
        self.drop_block_rate = drop_block_rate
        self.folded = folded

        def conv_norm(name: str, filters: int, **options: Any) -> ConvNorm:
            return ConvNorm(
                filters, 1, folded=folded, dtype=self.dtype_policy, name=name, **options
            )

        self.conv1 = conv_norm("conv1", width, activation="relu")
        self.spatial = self._own(spatial)
        self.conv3 = conv_norm("conv3", filters, zero_gamma=zero_gamma)
        self.attention = None if attention is None else self._own(attention)
        self.pool = None
        if shortcut == "pool":
            self.pool = ShortcutPool(
                strides=strides,
                dilation_rate=dilation_rate,
                folded=folded,
                dtype=self.dtype_policy,
                name="pool",
            )
        self.shortcut = None
        if shortcut != "identity":
            self.shortcut = conv_norm(
                "shortcut", filters, strides=1 if shortcut == "pool" else strides
            )
        self.drop_block = None
        if drop_block_rate:
            self.drop_block = DropBlock(drop_block_rate, dtype=self.dtype_policy, name="drop_block")
        self.drop_path = None
        if drop_path_rate:
            self.drop_path = StochasticDepth(
                drop_path_rate, dtype=self.dtype_policy, name="drop_path"
            )

    def _own(self, given: Deployable | dict[str, Any]) -> Deployable:
        """A layer that was handed in, or its configuration, in the dtype policy of the block."""
        layer: Deployable = (
            keras.saving.deserialize_keras_object(given) if isinstance(given, dict) else given
        )
        if layer.dtype_policy == self.dtype_policy:
            return layer
        own: Deployable = type(layer).from_config(
            {**layer.get_config(), "dtype": self.dtype_policy}
        )
        return own

    def build(self, input_shape: Shape) -> None:
        if self.shortcut is None and (input_shape[-1] != self.filters or self.strides > 1):
            raise UserError(
                "Expected as many input channels as filters, and strides=1, with shortcut='identity'. "
                f"Received: input channels={input_shape[-1]}, filters={self.filters}, "
                f"strides={self.strides}. Use shortcut='conv' or 'pool'."
            )
        self.conv1.build(input_shape)
        self.spatial.build((*input_shape[:3], self.width))
        self.conv3.build(self.spatial.compute_output_shape((*input_shape[:3], self.width)))
        if self.attention is not None:
            self.attention.build(self.compute_output_shape(input_shape))
        if self.shortcut is not None:
            self.shortcut.build(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        branch = self._dropped(self.conv1(inputs))
        branch = self._dropped(self.spatial(branch))
        branch = self._dropped(self.conv3(branch))
        if self.attention is not None:
            branch = self.attention(branch)
        if self.drop_path is not None:
            branch = self.drop_path(branch)
        return ops.relu(self._shortcut(inputs) + branch)

    def _dropped(self, branch: Tensor) -> Tensor:
        return branch if self.drop_block is None else self.drop_block(branch)

    def _shortcut(self, inputs: Tensor) -> Tensor:
        if self.pool is not None:
            inputs = self.pool(inputs)
        return inputs if self.shortcut is None else self.shortcut(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = self.spatial.compute_output_shape((*input_shape[:3], self.width))
        return *shape[:3], self.filters

    def deployed_config(self) -> dict[str, Any]:
        return {
            **super().deployed_config(),
            "spatial": _deployed(self.spatial),
            "attention": None if self.attention is None else _deployed(self.attention),
            "drop_path_rate": 0.0,
            "drop_block_rate": 0.0,
        }

    def deployed_weights(self) -> list[np.ndarray]:
        children = (self.conv1, self.spatial, self.conv3, self.attention, self.shortcut)
        return [w for child in children if child is not None for w in child.deployed_weights()]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "width": self.width,
            "spatial": _serialized(self.spatial),
            "attention": None if self.attention is None else _serialized(self.attention),
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "shortcut": self.shortcut_kind,
            "zero_gamma": self.zero_gamma,
            "drop_path_rate": self.drop_path_rate,
            "drop_block_rate": self.drop_block_rate,
            "folded": self.folded,
        }


def _deployed(layer: Deployable) -> dict[str, Any]:
    return _serialized(type(layer).from_config(layer.deployed_config()))


def _serialized(layer: keras.layers.Layer) -> dict[str, Any]:
    # Without its build configuration: on load it must be built by its block, under the block's name.
    configuration: dict[str, Any] = keras.saving.serialize_keras_object(layer)
    configuration.pop("build_config", None)
    return configuration
