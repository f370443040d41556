"""ReXNet: rank-expansion networks (Han et al., CVPR 2021, arXiv:2007.00992).

Inverted bottlenecks whose channels grow by a constant at each block instead of by stage. ReXNetR
rounds all channels to multiples of 8 (16 for 300), which suits SIMD units; ReXNetLite has neither
squeeze-and-excite nor SiLU, and one more layer in its head.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from keras_resnets._common.types import Tensor
from keras_resnets.models.channels import make_divisible
from keras_resnets.models.config import SOURCE_VARIABLES, NetworkConfig
from keras_resnets.models.constructor import FreeForm, free_form, variants_of
from keras_resnets.models.placement import Placement

DEPTHS = (1, 2, 2, 3, 3, 5)
STAGE_STRIDES = (1, 2, 2, 2, 1, 2)
BLOCKS = sum(DEPTHS)
STEM_STRIDES = 2
EXPANSION = 6
FIRST_CHANNELS = 16
STEM_FILTERS = 32
HEAD_FILTERS = 1280
HIDDEN_UNITS = 1024  # of ReXNet-lite's head


@dataclass(frozen=True, kw_only=True)
class ReXNetConfig(NetworkConfig):
    """A stem, sixteen linear bottlenecks in six stages, and a 1x1 convolution.

    Attributes:
        multiplier: Multiplier of all channels, above 0.
        divisor: Number that all channels are multiples of, 1 or more.
        growth: Number of channels gained from the first block to the last and one more, before the
            multiplier.
        steps: Number of steps in which they are gained.
        squeeze_ratio: Hidden units of the squeeze-and-excite to expanded channels; `None` for none.
        activation: `"silu"` or `"relu6"`.
        hidden_head: Whether the head has a hidden layer of 1024 units.
    """

    multiplier: float = 1.0
    divisor: int = 1
    growth: int = 180
    steps: int = BLOCKS
    squeeze_ratio: float | None = 1 / 12
    activation: str = "silu"
    hidden_head: bool = False

    @property
    def depths(self) -> tuple[int, ...]:
        return DEPTHS

    @property
    def stage_strides(self) -> tuple[int, ...]:
        return STAGE_STRIDES

    @property
    def stem_strides(self) -> int:
        return STEM_STRIDES

    def scaled(self, channels: float) -> int:
        """Channels under the multiplier, rounded half to even as the authors' Python rounds."""
        return make_divisible(round(channels * self.multiplier), self.divisor)

    def block_filters(self, index: int) -> int:
        """Output channels of block `index`, counted from 0. A narrow network starts at full width."""
        first = FIRST_CHANNELS / min(self.multiplier, 1)
        return self.scaled(first + index * self.growth / self.steps)

    @property
    def head_filters(self) -> int:
        filters = int(
            HEAD_FILTERS * (max(self.multiplier, 1) if self.hidden_head else self.multiplier)
        )
        return make_divisible(filters, self.divisor)

    def features(self, images: Tensor, places: Iterable[Placement]) -> Tensor:
        from keras_resnets.layers import ConvNorm, LinearBottleneck

        channels = self.scaled(STEM_FILTERS / min(self.multiplier, 1))
        outputs = ConvNorm(channels, 3, strides=2, activation=self.activation, name="stem")(images)
        for index, place in enumerate(places):
            filters = self.block_filters(index)
            expanded = channels * EXPANSION if index else channels
            expanded = make_divisible(expanded, self.divisor)
            outputs = LinearBottleneck(
                filters,
                expanded,
                expand=index > 0,
                shortcut=not place.reduces and channels <= filters,
                strides=place.strides,
                dilation_rate=place.dilation_rate,
                squeezed=self._squeezed(expanded) if place.stage >= 3 else None,
                activation=self.activation,
                drop_path_rate=place.drop_path_rate,
                drop_block_rate=place.drop_block_rate,
                name=place.name,
            )(outputs)
            channels = filters
        return ConvNorm(self.head_filters, 1, activation=self.activation, name="head")(outputs)

    def _squeezed(self, expanded: int) -> int | None:
        if self.squeeze_ratio is None:
            return None
        return make_divisible(int(expanded * self.squeeze_ratio), self.divisor)

    def head(self, features: Tensor) -> Tensor:
        if not self.hidden_head:
            return super().head(features)
        import keras

        from keras_resnets.layers import ConvNorm

        pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(features)
        hidden = ConvNorm(HIDDEN_UNITS, 1, activation="relu6", use_bias=True, name="hidden")(pooled)
        return keras.layers.Flatten(name="flatten")(hidden)

    @property
    def head_variables(self) -> tuple[str, ...]:
        if not self.hidden_head:
            return ()
        conv = ("conv/kernel", "conv/bias")
        norm = tuple(f"norm/{v}" for v in ("gamma", "beta", "moving_mean", "moving_variance"))
        return tuple(f"hidden/{path}" for path in (*conv, *norm))

    def source_key(self, path: str) -> str:
        *scope, variable = path.split("/")
        module = self._official_module(scope) if self.hidden_head else self._timm_module(scope)
        return f"{module}.{SOURCE_VARIABLES[variable]}"

    def _timm_module(self, scope: list[str]) -> str:
        if scope == ["predictions"]:
            return "head.fc"
        part = {"conv": "conv", "norm": "bn"}.get(scope[-1], "")
        if scope[0] == "stem":
            return f"stem.{part}"
        if scope[0] == "head":
            return f"features.{BLOCKS}.{part}"
        block = f"features.{_block_index(scope[0])}"
        if scope[1] == "squeeze_excite":
            # The norm inside is `se.bn`; fc2 has none.
            return f"{block}.se.bn" if part == "bn" else f"{block}.se.{scope[2]}"
        child = {"expansion": "conv_exp", "depthwise": "conv_dw", "projection": "conv_pwl"}
        return f"{block}.{child[scope[1]]}.{part}"

    def _official_module(self, scope: list[str]) -> str:
        """ReXNet-lite's authors number the modules of one long sequence, activations too."""
        if scope == ["predictions"]:
            return "output.4"
        step = 0 if scope[-1] == "conv" else 1
        if scope[0] == "hidden":
            return f"output.{step}"
        if scope[0] == "stem":
            return f"features.{step}"
        if scope[0] == "head":
            return f"features.{3 + BLOCKS + step}"
        index = _block_index(scope[0])
        # Convolution, norm and activation each; the first block has no expansion.
        position = ("expansion", "depthwise", "projection").index(scope[1]) - (index == 0)
        return f"features.{3 + index}.out.{3 * position + step}"


def _block_index(name: str) -> int:
    """From `stage3_block1` to its place among all blocks, counted from 0."""
    stage, block = name.removeprefix("stage").split("_block")
    return sum(DEPTHS[: int(stage) - 1]) + int(block) - 1


@dataclass(frozen=True, kw_only=True)
class ReXNetLiteConfig(ReXNetConfig):
    """The variant for phones without a fast SiLU or squeeze-and-excite."""

    divisor: int = 8
    growth: int = 164
    steps: int = BLOCKS - 1
    squeeze_ratio: float | None = None
    activation: str = "relu6"
    hidden_head: bool = True


@dataclass(frozen=True)
class FreeReXNet(FreeForm, ReXNetConfig):
    """Both at once, for the free-form constructor."""


ReXNet = free_form("ReXNet", FreeReXNet)

variant = variants_of(ReXNetConfig)

ReXNet100 = variant("ReXNet100", multiplier=1.0)
ReXNet130 = variant("ReXNet130", multiplier=1.3)
ReXNet150 = variant("ReXNet150", multiplier=1.5)
ReXNet200 = variant("ReXNet200", multiplier=2.0)
ReXNet300 = variant("ReXNet300", multiplier=3.0)

ReXNetR100 = variant("ReXNetR100", multiplier=1.0, divisor=8)
ReXNetR130 = variant("ReXNetR130", multiplier=1.3, divisor=8)
ReXNetR150 = variant("ReXNetR150", multiplier=1.5, divisor=8)
ReXNetR200 = variant("ReXNetR200", multiplier=2.0, divisor=8)
ReXNetR300 = variant("ReXNetR300", multiplier=3.0, divisor=16)

lite = variants_of(ReXNetLiteConfig)

ReXNetLite100 = lite("ReXNetLite100", multiplier=1.0)
ReXNetLite130 = lite("ReXNetLite130", multiplier=1.3)
ReXNetLite150 = lite("ReXNetLite150", multiplier=1.5)
ReXNetLite200 = lite("ReXNetLite200", multiplier=2.0)
