"""SE-ResNeXt: squeeze-and-excitation in ResNeXt (Hu et al., CVPR 2018, arXiv:1709.01507).

A squeeze-and-excite is the last word of each residual branch. The suffix D stands for the deep stem and
the pooled shortcut of ResNet-D; AA for average pools in place of all further strides (timm's
`aa_layer=AvgPool2d`, after Zhang, 2019).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_resnets.models.channels import make_divisible
from keras_resnets.models.constructor import FreeForm, free_form, variants_of
from keras_resnets.models.placement import Placement
from keras_resnets.models.residual import DEPTHS_101
from keras_resnets.models.resnext import ResNeXtConfig

if TYPE_CHECKING:
    from keras_resnets.layers import ConvNorm, PooledConv, SqueezeExcite, Stem

REDUCTION = 16  # channels to hidden units of the squeeze-and-excite, which are multiples of 8


@dataclass(frozen=True, kw_only=True)
class SEResNeXtConfig(ResNeXtConfig):
    """A `ResNeXtConfig` with a squeeze-and-excite behind each block's last convolution.

    Attributes:
        antialias: Whether average pools take the strides behind the stem's convolutions.
    """

    cardinality: int = 32
    width: int = 4
    antialias: bool = False

    def stem_layer(self) -> "Stem":
        from keras_resnets.layers import Stem

        pool = "average" if self.antialias else "max"
        return Stem(self.stem_filters, kind=self.stem, pool=pool, name="stem")

    def spatial(self, width: int, place: Placement) -> "ConvNorm | PooledConv":
        if not (self.antialias and place.reduces):
            return super().spatial(width, place)
        from keras_resnets.layers import PooledConv

        return PooledConv(
            width,
            strides=place.strides,
            dilation_rate=place.dilation_rate,
            groups=self.cardinality,
            name="spatial",
        )

    def attention(self, filters: int) -> "SqueezeExcite":
        from keras_resnets.layers import SqueezeExcite

        hidden = make_divisible(filters / REDUCTION, 8, least=0.0)
        return SqueezeExcite(hidden, use_norm=False, name="attention")

    def source_spatial(self, scope: list[str]) -> str:
        # A `PooledConv` has its `ConvNorm` one level deeper.
        return super().source_spatial(scope[-1:])

    def source_attention(self, scope: list[str]) -> str:
        (layer,) = scope
        return f"se.{layer}"


@dataclass(frozen=True, kw_only=True)
class SEResNeXtDConfig(SEResNeXtConfig):
    """The suffix D."""

    stem: str = "deep"
    shortcut: str = "pool"


@dataclass(frozen=True, kw_only=True)
class SEResNeXtAAConfig(SEResNeXtDConfig):
    """The infix AA, which timm has with D alone."""

    antialias: bool = True


@dataclass(frozen=True)
class FreeSEResNeXt(FreeForm, SEResNeXtConfig):
    """Both at once, for the free-form constructor."""


SEResNeXt = free_form("SEResNeXt", FreeSEResNeXt)

variant = variants_of(SEResNeXtConfig)
variant_d = variants_of(SEResNeXtDConfig)
variant_aa = variants_of(SEResNeXtAAConfig)

SEResNeXt26D = variant_d("SEResNeXt26D", depths=(2, 2, 2, 2))
SEResNeXt50 = variant("SEResNeXt50")
SEResNeXt101_32x8d = variant("SEResNeXt101_32x8d", depths=DEPTHS_101, width=8)
SEResNeXt101D_32x8d = variant_d("SEResNeXt101D_32x8d", depths=DEPTHS_101, width=8)
SEResNeXtAA101D_32x8d = variant_aa("SEResNeXtAA101D_32x8d", depths=DEPTHS_101, width=8)
SEResNeXtAA201D_32x8d = variant_aa(
    "SEResNeXtAA201D_32x8d", depths=(3, 24, 36, 4), width=8, stem_filters=128
)
