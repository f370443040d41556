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

RESNET_PAPER = "Deep residual learning for image recognition, arXiv:1512.03385"
RESNET_D_PAPER = "Bag of tricks for image classification, arXiv:1812.01187"


@dataclass(frozen=True, kw_only=True)
class ResNeXtNet(ResidualNet):
    """A `ResidualNet` whose spatial layer is one grouped 3x3 convolution."""

    family: str = "ResNeXt"
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
        gmacs=4.23,
    )
)
ResNeXt50D = variant(
    ResNeXtNet(
        name="ResNeXt50D",
        timm="resnext50d_32x4d",
        cardinality=32,
        width=4,
        stem="deep",
        shortcut="pool",
        parameters=25_048_136,
        gmacs=4.47,
    )
)
ResNeXt101 = variant(
    ResNeXtNet(
        name="ResNeXt101",
        timm="resnext101_32x4d",
        depths=(3, 4, 23, 3),
        cardinality=32,
        width=4,
        parameters=44_177_704,
        gmacs=7.97,
    )
)
ResNeXt101_32x8d = variant(
    ResNeXtNet(
        name="ResNeXt101_32x8d",
        timm="resnext101_32x8d",
        depths=(3, 4, 23, 3),
        cardinality=32,
        width=8,
        parameters=88_791_336,
        gmacs=16.41,
    )
)
ResNeXt101_32x16d = variant(
    ResNeXtNet(
        name="ResNeXt101_32x16d",
        timm="resnext101_32x16d",
        depths=(3, 4, 23, 3),
        cardinality=32,
        width=16,
        parameters=194_026_792,
        gmacs=36.16,
    )
)
ResNeXt101_32x32d = variant(
    ResNeXtNet(
        name="ResNeXt101_32x32d",
        timm="resnext101_32x32d",
        depths=(3, 4, 23, 3),
        cardinality=32,
        width=32,
        parameters=468_530_472,
        gmacs=87.11,
    )
)
ResNeXt101_64x4d = variant(
    ResNeXtNet(
        name="ResNeXt101_64x4d",
        timm="resnext101_64x4d",
        depths=(3, 4, 23, 3),
        cardinality=64,
        width=4,
        parameters=83_455_272,
        gmacs=15.46,
    )
)

# The yardstick that the papers compare with: one group.
ResNet50 = variant(
    ResNeXtNet(
        name="ResNet50",
        timm="resnet50",
        family="ResNet",
        paper=RESNET_PAPER,
        parameters=25_557_032,
        gmacs=4.09,
    )
)
ResNet101 = variant(
    ResNeXtNet(
        name="ResNet101",
        timm="resnet101",
        depths=(3, 4, 23, 3),
        family="ResNet",
        paper=RESNET_PAPER,
        parameters=44_549_160,
        gmacs=7.80,
    )
)
ResNet50D = variant(
    ResNeXtNet(
        name="ResNet50D",
        timm="resnet50d",
        stem="deep",
        shortcut="pool",
        family="ResNet",
        paper=RESNET_D_PAPER,
        parameters=25_576_264,
        gmacs=4.33,
    )
)
ResNet101D = variant(
    ResNeXtNet(
        name="ResNet101D",
        timm="resnet101d",
        depths=(3, 4, 23, 3),
        stem="deep",
        shortcut="pool",
        family="ResNet",
        paper=RESNET_D_PAPER,
        parameters=44_568_392,
        gmacs=8.04,
    )
)
