"""Res2Net: multi-scale residual blocks (Gao et al., TPAMI 2021, arXiv:1904.01169).

A block's 3x3 convolution becomes a hierarchy of `scale` parts of `width` channels (for 64 planes):
26w_4s has four parts of 26. Res2NeXt runs each part in groups. The suffix D, the authors' "v1b",
stands for the deep stem and the pooled shortcut of ResNet-D.
"""

from dataclasses import dataclass

from keras_resnets.layers import Res2NetScale
from keras_resnets.models.architecture import Placement
from keras_resnets.models.constructor import free_form, variant
from keras_resnets.models.residual import ResidualNet


@dataclass(frozen=True, kw_only=True)
class Res2NetNet(ResidualNet):
    """A `ResidualNet` whose spatial layer is a `Res2NetScale`.

    Attributes:
        scale: parts of a block's channels; each is `width * cardinality` channels wide.
    """

    family: str = "Res2Net"
    paper: str = "Res2Net: A new multi-scale backbone architecture, arXiv:1904.01169"
    width: int = 26
    scale: int = 4

    def stage_width(self, stage: int) -> int:
        return super().stage_width(stage) * self.scale

    def spatial(self, width: int, place: Placement) -> Res2NetScale:
        return Res2NetScale(
            width,
            scale=self.scale,
            cardinality=self.cardinality,
            strides=place.strides,
            dilation_rate=place.dilation_rate,
            connected=place.block > 1,
            name="spatial",
        )

    def source_spatial(self, scope: list[str]) -> str:
        index = int(scope[0].removeprefix("conv")) - 1
        return f"convs.{index}" if scope[1] == "conv" else f"bns.{index}"


Res2Net = free_form("Res2Net", Res2NetNet)

Res2Net50_48w_2s = variant(
    Res2NetNet(
        name="Res2Net50_48w_2s",
        timm="res2net50_48w_2s",
        width=48,
        scale=2,
        parameters=25_287_304,
        gmacs=4.16,
    )
)
Res2Net50_26w_4s = variant(
    Res2NetNet(
        name="Res2Net50_26w_4s",
        timm="res2net50_26w_4s",
        parameters=25_699_120,
        gmacs=4.25,
    )
)
Res2Net50_14w_8s = variant(
    Res2NetNet(
        name="Res2Net50_14w_8s",
        timm="res2net50_14w_8s",
        width=14,
        scale=8,
        parameters=25_059_816,
        gmacs=4.18,
    )
)
Res2Net50_26w_6s = variant(
    Res2NetNet(
        name="Res2Net50_26w_6s",
        timm="res2net50_26w_6s",
        scale=6,
        parameters=37_051_448,
        gmacs=6.30,
    )
)
Res2Net50_26w_8s = variant(
    Res2NetNet(
        name="Res2Net50_26w_8s",
        timm="res2net50_26w_8s",
        scale=8,
        parameters=48_403_776,
        gmacs=8.34,
    )
)
Res2Net101_26w_4s = variant(
    Res2NetNet(
        name="Res2Net101_26w_4s",
        timm="res2net101_26w_4s",
        depths=(3, 4, 23, 3),
        parameters=45_206_688,
        gmacs=8.07,
    )
)
Res2NeXt50 = variant(
    Res2NetNet(
        name="Res2NeXt50",
        timm="res2next50",
        width=4,
        cardinality=8,
        parameters=24_671_464,
        gmacs=4.17,
    )
)
Res2Net50D = variant(
    Res2NetNet(
        name="Res2Net50D",
        timm="res2net50d",
        stem="deep",
        shortcut="pool",
        parameters=25_718_352,
        gmacs=4.50,
    )
)
Res2Net101D = variant(
    Res2NetNet(
        name="Res2Net101D",
        timm="res2net101d",
        depths=(3, 4, 23, 3),
        stem="deep",
        shortcut="pool",
        parameters=45_225_920,
        gmacs=8.31,
    )
)
