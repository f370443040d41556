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

    In a dilated stage the first block keeps its 3x3 average pool, with strides 1, as in the authors'
    code; timm leaves it out.

    Attributes:
        radix: maps a group that the attention weighs.
        pool: where the average pool of a strided block stands, `"before"` or `"after"` the
            attention.
    """

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
        gmacs=2.76,
    )
)
ResNeSt50 = variant(
    ResNeStNet(name="ResNeSt50", timm="resnest50d", parameters=27_483_240, gmacs=5.40)
)
