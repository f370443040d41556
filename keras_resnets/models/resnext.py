"""ResNeXt: aggregated residual transformations (Xie et al., CVPR 2017), and ResNet, its special case.

A block's 3x3 convolution runs in `cardinality` groups of `width` channels (for 64 planes): ResNeXt-50
32x4d has 32 groups of 4. ResNet is cardinality 1 and width 64. The suffix D stands for the deep stem
and the pooled shortcut of "Bag of tricks" (He et al., CVPR 2019).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_resnets.models.constructor import FreeForm, free_form, variants_of
from keras_resnets.models.placement import Placement
from keras_resnets.models.residual import DEPTHS_101, ResidualConfig

if TYPE_CHECKING:
    from keras_resnets.layers import ConvNorm


@dataclass(frozen=True, kw_only=True)
class ResNeXtConfig(ResidualConfig):
    """A `ResidualConfig` whose spatial layer is one grouped 3x3 convolution."""

    def spatial(self, width: int, place: Placement) -> "ConvNorm":
        from keras_resnets.layers import ConvNorm

        return ConvNorm(
            width,
            3,
            strides=place.strides,
            dilation_rate=place.dilation_rate,
            groups=self.cardinality,
            activation="relu",
            name="spatial",
        )

    def source_spatial(self, scope: list[str]) -> str:
        return "conv2" if scope == ["conv"] else "bn2"


@dataclass(frozen=True)
class FreeResNeXt(FreeForm, ResNeXtConfig):
    """Both at once, for the free-form constructor."""


ResNeXt = free_form("ResNeXt", FreeResNeXt)

variant = variants_of(ResNeXtConfig)

ResNeXt50 = variant("ResNeXt50", cardinality=32, width=4)
ResNeXt50D = variant("ResNeXt50D", cardinality=32, width=4, stem="deep", shortcut="pool")
ResNeXt101 = variant("ResNeXt101", depths=DEPTHS_101, cardinality=32, width=4)
ResNeXt101_32x8d = variant("ResNeXt101_32x8d", depths=DEPTHS_101, cardinality=32, width=8)
ResNeXt101_32x16d = variant("ResNeXt101_32x16d", depths=DEPTHS_101, cardinality=32, width=16)
ResNeXt101_32x32d = variant("ResNeXt101_32x32d", depths=DEPTHS_101, cardinality=32, width=32)
ResNeXt101_64x4d = variant("ResNeXt101_64x4d", depths=DEPTHS_101, cardinality=64, width=4)

# The yardstick that the papers compare with: one group.
ResNet50 = variant("ResNet50")
ResNet101 = variant("ResNet101", depths=DEPTHS_101)
ResNet50D = variant("ResNet50D", stem="deep", shortcut="pool")
ResNet101D = variant("ResNet101D", depths=DEPTHS_101, stem="deep", shortcut="pool")
