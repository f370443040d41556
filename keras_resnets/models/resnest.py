"""ResNeSt: split-attention networks (Zhang et al., 2020, arXiv:2004.08955).

ResNet-D with a split attention in place of each 3x3 convolution. A fast variant's name is
`{radix}s{cardinality}x{width}d`: its pool stands before the convolution, which then sees fewer
positions.
"""

from dataclasses import dataclass

from keras_resnets.layers import SplitAttention
from keras_resnets.models.architecture import Placement
from keras_resnets.models.constructor import free_form, variant
from keras_resnets.models.residual import ResidualNet


@dataclass(frozen=True, kw_only=True)
class ResNeStNet(ResidualNet):
    """A `ResidualNet` whose spatial layer is a split attention.

    In a dilated stage the first block keeps its 3x3 average pool with strides 1, as in the authors'
    code (timm leaves it out), and the shortcut its 2x2 pool (the authors leave it out): only so does
    the dilated network compute what the strided one does, at more positions.

    Attributes:
        radix: maps a group that the attention weighs.
        pool: where the average pool of a strided block stands, `"before"` or `"after"` the
            attention.
    """

    family: str = "ResNeSt"
    paper: str = "ResNeSt: Split-attention networks, arXiv:2004.08955"
    stem: str = "deep"
    shortcut: str = "pool"
    radix: int = 2
    pool: str = "after"

    def spatial(self, width: int, place: Placement) -> SplitAttention:
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
        modules = {
            "conv/conv": "conv",
            "conv/norm": "bn0",
            "fc1/conv": "fc1",
            "fc1/norm": "bn1",
            "fc2": "fc2",
        }
        return f"conv2.{modules['/'.join(scope)]}"


ResNeSt = free_form("ResNeSt", ResNeStNet)

ResNeSt14 = variant(
    ResNeStNet(
        name="ResNeSt14",
        timm="resnest14d",
        depths=(1, 1, 1, 1),
        parameters=10_611_688,
        gmacs=2.75,
    )
)
ResNeSt26 = variant(
    ResNeStNet(
        name="ResNeSt26",
        timm="resnest26d",
        depths=(2, 2, 2, 2),
        parameters=17_069_448,
        gmacs=3.62,
    )
)
ResNeSt50 = variant(
    ResNeStNet(
        name="ResNeSt50",
        timm="resnest50d",
        parameters=27_483_240,
        gmacs=5.37,
    )
)
ResNeSt101 = variant(
    ResNeStNet(
        name="ResNeSt101",
        timm="resnest101e",
        depths=(3, 4, 23, 3),
        stem_filters=128,
        parameters=48_275_016,
        gmacs=10.20,
    )
)
ResNeSt200 = variant(
    ResNeStNet(
        name="ResNeSt200",
        timm="resnest200e",
        depths=(3, 24, 36, 3),
        stem_filters=128,
        parameters=70_201_544,
        gmacs=17.41,
    )
)
ResNeSt269 = variant(
    ResNeStNet(
        name="ResNeSt269",
        timm="resnest269e",
        depths=(3, 30, 48, 8),
        stem_filters=128,
        parameters=110_929_480,
        gmacs=22.43,
    )
)

ResNeSt50Fast_1s1x64d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_1s1x64d",
        radix=1,
        cardinality=1,
        width=64,
        pool="before",
        parameters=26_217_896,
        gmacs=4.33,
    )
)
ResNeSt50Fast_2s1x64d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_2s1x64d",
        radix=2,
        cardinality=1,
        width=64,
        pool="before",
        parameters=27_483_240,
        gmacs=4.33,
    )
)
ResNeSt50Fast_4s1x64d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_4s1x64d",
        radix=4,
        cardinality=1,
        width=64,
        pool="before",
        parameters=31_912_712,
        gmacs=4.33,
    )
)
ResNeSt50Fast_1s2x40d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_1s2x40d",
        radix=1,
        cardinality=2,
        width=40,
        pool="before",
        parameters=25_946_680,
        gmacs=4.37,
    )
)
ResNeSt50Fast_2s2x40d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_2s2x40d",
        radix=2,
        cardinality=2,
        width=40,
        pool="before",
        parameters=26_943_792,
        gmacs=4.37,
    )
)
ResNeSt50Fast_4s2x40d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_4s2x40d",
        timm="resnest50d_4s2x40d",
        radix=4,
        cardinality=2,
        width=40,
        pool="before",
        parameters=30_417_592,
        gmacs=4.37,
    )
)
ResNeSt50Fast_1s4x24d = variant(
    ResNeStNet(
        name="ResNeSt50Fast_1s4x24d",
        timm="resnest50d_1s4x24d",
        radix=1,
        cardinality=4,
        width=24,
        pool="before",
        parameters=25_677_000,
        gmacs=4.40,
    )
)
