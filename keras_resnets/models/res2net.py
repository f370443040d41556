"""Res2Net: multi-scale residual blocks (Gao et al., TPAMI 2021, arXiv:1904.01169).

A block's 3x3 convolution becomes a hierarchy of `scale` parts of `width` channels (for 64 planes):
26w_4s has four parts of 26. Res2NeXt runs each part in groups. The suffix D, the authors' "v1b",
stands for the deep stem and the pooled shortcut of ResNet-D.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_resnets.models.constructor import FreeForm, free_form, variants_of
from keras_resnets.models.placement import Placement
from keras_resnets.models.residual import DEPTHS_101, ResidualConfig

if TYPE_CHECKING:
    from keras_resnets.layers import Res2NetScale


@dataclass(frozen=True, kw_only=True)
class Res2NetConfig(ResidualConfig):
    """A `ResidualConfig` whose spatial layer is a `Res2NetScale`.

    Attributes:
        scale: Parts of a block's channels; each is `width * cardinality` channels wide.
    """

    width: int = 26
    scale: int = 4

    def stage_width(self, stage: int) -> int:
        return super().stage_width(stage) * self.scale

    def spatial(self, width: int, place: Placement) -> "Res2NetScale":
        from keras_resnets.layers import Res2NetScale

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


@dataclass(frozen=True)
class FreeRes2Net(FreeForm, Res2NetConfig):
    """Both at once, for the free-form constructor."""


Res2Net = free_form("Res2Net", FreeRes2Net)

variant = variants_of(Res2NetConfig)

Res2Net50_48w_2s = variant("Res2Net50_48w_2s", width=48, scale=2)
Res2Net50_26w_4s = variant("Res2Net50_26w_4s", width=26, scale=4)
Res2Net50_14w_8s = variant("Res2Net50_14w_8s", width=14, scale=8)
Res2Net50_26w_6s = variant("Res2Net50_26w_6s", width=26, scale=6)
Res2Net50_26w_8s = variant("Res2Net50_26w_8s", width=26, scale=8)
Res2Net101_26w_4s = variant("Res2Net101_26w_4s", depths=DEPTHS_101, width=26, scale=4)
Res2NeXt50 = variant("Res2NeXt50", width=4, cardinality=8)
Res2Net50D = variant("Res2Net50D", stem="deep", shortcut="pool")
Res2Net101D = variant("Res2Net101D", depths=DEPTHS_101, stem="deep", shortcut="pool")
