"""ReXNet: rank-expansion networks (Han et al., CVPR 2021, arXiv:2007.00992).

Inverted bottlenecks whose channels grow by a constant at each block instead of by stage. ReXNetR
rounds all channels to multiples of 8 (16 for 300), which suits SIMD units; ReXNetLite has neither
squeeze-and-excite nor SiLU, and one more layer in its head.
"""

from dataclasses import dataclass
from typing import Any

import keras

from keras_resnets.errors import UserError
from keras_resnets.layers import ConvNorm, LinearBottleneck
from keras_resnets.models.architecture import SOURCE_VARIABLES, Architecture, placements
from keras_resnets.models.constructor import free_form, variant

DEPTHS = (1, 2, 2, 3, 3, 5)
STRIDES = (1, 2, 2, 2, 1, 2)
BLOCKS = sum(DEPTHS)
STEM_STRIDES = 2
EXPANSION = 6
FIRST_CHANNELS = 16
STEM_FILTERS = 32
HEAD_FILTERS = 1280
HIDDEN_UNITS = 1024  # of ReXNet-lite's head


def make_divisible(channels: float, divisor: int) -> int:
    """Rounds to a multiple of `divisor`, but never down by more than a tenth."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


@dataclass(frozen=True, kw_only=True)
class ReXNetNet(Architecture):
    """A stem, sixteen linear bottlenecks in six stages, and a 1x1 convolution.

    Attributes:
        multiplier: of all channels, above 0.
        divisor: all channels are multiples of it.
        growth: channels gained from the first block to the last and one more, before the multiplier.
        steps: in how many steps they are gained.
        squeeze_ratio: hidden units of the squeeze-and-excite to expanded channels; `None` for none.
        activation: `"silu"` or `"relu6"`.
        hidden_head: whether the head has a hidden layer of 1024 units.
    """

    family: str = "ReXNet"
    paper: str = "Rethinking channel dimensions for efficient model design, arXiv:2007.00992"
    multiplier: float = 1.0
    divisor: int = 1
    growth: int = 180
    steps: int = BLOCKS
    squeeze_ratio: float | None = 1 / 12
    activation: str = "silu"
    hidden_head: bool = False

    def __post_init__(self) -> None:
        if self.multiplier <= 0:
            raise UserError(f"Expected a multiplier above 0. Received: {self.multiplier}.")

    @property
    def strides(self) -> int:
        return 32

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

    def features(
        self,
        inputs: Any,
        *,
        output_stride: int,
        drop_path_rate: float,
        drop_block_rate: float,
    ) -> Any:
        channels = self.scaled(STEM_FILTERS / min(self.multiplier, 1))
        outputs = ConvNorm(channels, 3, strides=2, activation=self.activation, name="stem")(inputs)
        places = placements(
            DEPTHS,
            STRIDES,
            stem_strides=STEM_STRIDES,
            output_stride=output_stride,
            drop_path_rate=drop_path_rate,
            drop_block_rate=drop_block_rate,
        )
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

    def head(self, features: Any) -> Any:
        if not self.hidden_head:
            return super().head(features)
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


ReXNet = free_form("ReXNet", ReXNetNet)

ReXNet100 = variant(
    ReXNetNet(
        name="ReXNet100",
        timm="rexnet_100",
        multiplier=1.0,
        parameters=4_796_873,
        gmacs=0.40,
    )
)
ReXNet130 = variant(
    ReXNetNet(
        name="ReXNet130",
        timm="rexnet_130",
        multiplier=1.3,
        parameters=7_557_091,
        gmacs=0.66,
    )
)
ReXNet150 = variant(
    ReXNetNet(
        name="ReXNet150",
        timm="rexnet_150",
        multiplier=1.5,
        parameters=9_728_593,
        gmacs=0.88,
    )
)
ReXNet200 = variant(
    ReXNetNet(
        name="ReXNet200",
        timm="rexnet_200",
        multiplier=2.0,
        parameters=16_366_620,
        gmacs=1.53,
    )
)
ReXNet300 = variant(
    ReXNetNet(
        name="ReXNet300",
        timm="rexnet_300",
        multiplier=3.0,
        parameters=34_708_792,
        gmacs=3.40,
    )
)

ReXNetR100 = variant(
    ReXNetNet(
        name="ReXNetR100",
        timm="rexnetr_100",
        multiplier=1.0,
        divisor=8,
        parameters=4_883_304,
        gmacs=0.42,
    )
)
ReXNetR130 = variant(
    ReXNetNet(
        name="ReXNetR130",
        timm="rexnetr_130",
        multiplier=1.3,
        divisor=8,
        parameters=7_608_080,
        gmacs=0.66,
    )
)
ReXNetR150 = variant(
    ReXNetNet(
        name="ReXNetR150",
        timm="rexnetr_150",
        multiplier=1.5,
        divisor=8,
        parameters=9_782_256,
        gmacs=0.87,
    )
)
ReXNetR200 = variant(
    ReXNetNet(
        name="ReXNetR200",
        timm="rexnetr_200",
        multiplier=2.0,
        divisor=8,
        parameters=16_522_432,
        gmacs=1.56,
    )
)
ReXNetR300 = variant(
    ReXNetNet(
        name="ReXNetR300",
        timm="rexnetr_300",
        multiplier=3.0,
        divisor=16,
        parameters=34_810_008,
        gmacs=3.34,
    )
)


def _lite(name: str, multiplier: float, parameters: int, gmacs: float) -> Any:
    return variant(
        ReXNetNet(
            name=name,
            multiplier=multiplier,
            divisor=8,
            growth=164,
            steps=BLOCKS - 1,
            squeeze_ratio=None,
            activation="relu6",
            hidden_head=True,
            parameters=parameters,
            gmacs=gmacs,
        )
    )


ReXNetLite100 = _lite("ReXNetLite100", 1.0, 4_740_056, 0.41)
ReXNetLite130 = _lite("ReXNetLite130", 1.3, 6_747_960, 0.65)
ReXNetLite150 = _lite("ReXNetLite150", 1.5, 8_332_296, 0.84)
ReXNetLite200 = _lite("ReXNetLite200", 2.0, 12_966_200, 1.50)
