"""ResNeSt: split-attention networks (Zhang et al., 2020, arXiv:2004.08955).

ResNet-D with a split attention in place of each 3x3 convolution. A fast variant's name is
`{radix}s{cardinality}x{width}d`: its pool stands before the convolution, which then sees fewer
positions.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_resnets.models.constructor import FreeForm, free_form, variants_of
from keras_resnets.models.placement import Placement
from keras_resnets.models.residual import DEPTHS_101, ResidualConfig

if TYPE_CHECKING:
    from keras_resnets.layers import SplitAttention

# The checkpoints' names of the attention's layers, within a block.
SOURCE_MODULES = {
    "conv/conv": "conv2.conv",
    "conv/norm": "conv2.bn0",
    "fc1/conv": "conv2.fc1",
    "fc1/norm": "conv2.bn1",
    "fc2": "conv2.fc2",
}


@dataclass(frozen=True, kw_only=True)
class ResNeStConfig(ResidualConfig):
    """A `ResidualConfig` whose spatial layer is a split attention.

    In a dilated stage the first block keeps its 3x3 average pool with strides 1, as in the authors'
    code (timm leaves it out), and the shortcut its 2x2 pool (the authors leave it out): only so does
    the dilated network compute what the strided one does, at more positions.

    Attributes:
        radix: Number of feature maps of a group that the attention weighs.
        pool: Where the average pool of a strided block stands, `"before"` the convolution or
            `"after"` the attention.
    """

    stem: str = "deep"
    shortcut: str = "pool"
    radix: int = 2
    pool: str = "after"

    def spatial(self, width: int, place: Placement) -> "SplitAttention":
        from keras_resnets.layers import SplitAttention

        return SplitAttention(
            width,
            radix=self.radix,
            cardinality=self.cardinality,
            strides=place.strides,
            dilation_rate=place.dilation_rate,
            pool=self.pool if place.reduces else None,
            name="spatial",
        )

    def source_spatial(self, scope: list[str]) -> str:
        return SOURCE_MODULES["/".join(scope)]


@dataclass(frozen=True, kw_only=True)
class ResNeStFastConfig(ResNeStConfig):
    """The paper's fast variants: the pool stands before the convolution."""

    pool: str = "before"


@dataclass(frozen=True)
class FreeResNeSt(FreeForm, ResNeStConfig):
    """Both at once, for the free-form constructor."""


ResNeSt = free_form("ResNeSt", FreeResNeSt)

variant = variants_of(ResNeStConfig)

ResNeSt14 = variant("ResNeSt14", depths=(1, 1, 1, 1))
ResNeSt26 = variant("ResNeSt26", depths=(2, 2, 2, 2))
ResNeSt50 = variant("ResNeSt50")
ResNeSt101 = variant("ResNeSt101", depths=DEPTHS_101, stem_filters=128)
ResNeSt200 = variant("ResNeSt200", depths=(3, 24, 36, 3), stem_filters=128)
ResNeSt269 = variant("ResNeSt269", depths=(3, 30, 48, 8), stem_filters=128)

fast = variants_of(ResNeStFastConfig)

ResNeSt50Fast_1s1x64d = fast("ResNeSt50Fast_1s1x64d", radix=1, cardinality=1, width=64)
ResNeSt50Fast_2s1x64d = fast("ResNeSt50Fast_2s1x64d", radix=2, cardinality=1, width=64)
ResNeSt50Fast_4s1x64d = fast("ResNeSt50Fast_4s1x64d", radix=4, cardinality=1, width=64)
ResNeSt50Fast_1s2x40d = fast("ResNeSt50Fast_1s2x40d", radix=1, cardinality=2, width=40)
ResNeSt50Fast_2s2x40d = fast("ResNeSt50Fast_2s2x40d", radix=2, cardinality=2, width=40)
ResNeSt50Fast_4s2x40d = fast("ResNeSt50Fast_4s2x40d", radix=4, cardinality=2, width=40)
ResNeSt50Fast_1s4x24d = fast("ResNeSt50Fast_1s4x24d", radix=1, cardinality=4, width=24)
