"""ResNeXt: aggregated residual transformations (Xie et al., CVPR 2017), and ResNet, its special case.

A block's 3x3 convolution runs in `cardinality` groups of `width` channels (for 64 planes): ResNeXt-50
32x4d has 32 groups of 4. ResNet is cardinality 1 and width 64. The suffix D stands for the deep stem
and the pooled shortcut of "Bag of tricks" (He et al., CVPR 2019).
"""

from dataclasses import dataclass

from keras_resnets.layers import ConvNorm
from keras_resnets.models.architecture import Placement
from keras_resnets.models.constructor import free_form, variant
from keras_resnets.models.residual import ResidualNet


@dataclass(frozen=True, kw_only=True)
class ResNeXtNet(ResidualNet):
    """A `ResidualNet` whose spatial layer is one grouped 3x3 convolution."""

    paper: str = "Aggregated residual transformations for deep neural networks, arXiv:1611.05431"

    def spatial(self, width: int, place: Placement) -> ConvNorm:
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


ResNeXt = free_form("ResNeXt", ResNeXtNet)

ResNeXt50 = variant(
    ResNeXtNet(
        name="ResNeXt50",
        timm="resnext50_32x4d",
        cardinality=32,
        width=4,
        parameters=25_028_904,
        gmacs=4.26,
    )
)
