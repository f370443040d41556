"""The trunk that ResNet, ResNeXt, ResNeSt and Res2Net share: a stem and stages of bottlenecks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.models.config import SOURCE_VARIABLES, NetworkConfig
from keras_resnets.models.placement import Placement

if TYPE_CHECKING:
    from keras_resnets.layers import Deployable, Stem

DEPTHS_101 = (3, 4, 23, 3)  # He et al. (2016), table 1; ResNet-50's are the default
EXPANSION = 4  # output channels of a block to its planes

# The checkpoints' names of the two 1x1 convolutions of a block and of their normalisations.
SOURCE_CONVS = {
    "conv1/conv": "conv1",
    "conv1/norm": "bn1",
    "conv3/conv": "conv3",
    "conv3/norm": "bn3",
}


@dataclass(frozen=True, kw_only=True)
class ResidualConfig(NetworkConfig):
    """Stages of bottlenecks, each with half the resolution and twice the planes of the one before.

    Attributes:
        depths: Number of blocks of each stage.
        planes: Planes of the first stage; a stage's blocks have four times its planes as output
            channels.
        cardinality: Number of groups of the 3x3 convolution.
        width: Number of channels of one group for 64 planes; it grows with the planes.
        stem: `"conv7"`, `"deep"` or `"small"`: see `keras_resnets.layers.Stem`.
        stem_filters: Number of output channels of the stem.
        shortcut: `"conv"` or `"pool"`: see `keras_resnets.layers.Bottleneck`.
        zero_gamma: Whether each residual branch starts with its last scale at zero.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    planes: int = 64
    cardinality: int = 1
    width: int = 64
    stem: str = "conv7"
    stem_filters: int = 64
    shortcut: str = "conv"
    zero_gamma: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stage_width(1) < self.cardinality:
            raise UserError(
                "Expected planes * width // 64, the channels of a group in the first stage, to be 1 or "
                f"more. Received: planes={self.planes}, width={self.width}. Raise one of them."
            )

    @property
    def stage_strides(self) -> tuple[int, ...]:
        return (1,) + (2,) * (len(self.depths) - 1)

    @property
    def stem_strides(self) -> int:
        return 1 if self.stem == "small" else 4

    def stage_planes(self, stage: int) -> int:
        """Planes of `stage`, counted from 1."""
        return self.planes << (stage - 1)

    def stage_width(self, stage: int) -> int:
        """Channels of the 3x3 convolution in `stage`, counted from 1."""
        return self.stage_planes(stage) * self.width // 64 * self.cardinality

    def spatial(self, width: int, place: Placement) -> "Deployable":
        """The layer between the 1x1 convolutions, named `"spatial"`."""
        raise NotImplementedError

    def attention(self, filters: int) -> "Deployable | None":
        """The layer behind a block's last 1x1 convolution, named `"attention"`, if any."""
        return None

    def stem_layer(self) -> "Stem":
        """The stem, named `"stem"`."""
        from keras_resnets.layers import Stem

        return Stem(self.stem_filters, kind=self.stem, name="stem")

    def features(self, images: Tensor, places: Iterable[Placement]) -> Tensor:
        from keras_resnets.layers import Bottleneck

        outputs = self.stem_layer()(images)
        for place in places:
            filters = self.stage_planes(place.stage) * EXPANSION
            width = self.stage_width(place.stage)
            outputs = Bottleneck(
                filters,
                width,
                self.spatial(width, place),
                attention=self.attention(filters),
                strides=place.strides,
                dilation_rate=place.dilation_rate,
                shortcut=self._shortcut(place),
                zero_gamma=self.zero_gamma,
                drop_path_rate=place.drop_path_rate,
                drop_block_rate=place.drop_block_rate,
                name=place.name,
            )(outputs)
        return outputs

    def _shortcut(self, place: Placement) -> str:
        if place.block > 1:
            return "identity"
        return self.shortcut if place.reduces else "conv"

    def source_key(self, path: str) -> str:
        *scope, variable = path.split("/")
        return f"{self._source_module(scope)}.{SOURCE_VARIABLES[variable]}"

    def _source_module(self, scope: list[str]) -> str:
        if scope == ["predictions"]:
            return "fc"
        if scope[0] == "stem":
            return self._source_stem(int(scope[1].removeprefix("conv")), scope[2])
        stage, block = scope[0].removeprefix("stage").split("_block")
        return f"layer{stage}.{int(block) - 1}.{self._source_block(scope[1:])}"

    def _source_stem(self, index: int, part: str) -> str:
        if self.stem != "deep":
            return "conv1" if part == "conv" else "bn1"
        # timm's `conv1` is conv, norm, relu, conv, norm, relu, conv; the last norm is `bn1`.
        if part == "conv":
            return f"conv1.{3 * index - 3}"
        return "bn1" if index == 3 else f"conv1.{3 * index - 2}"

    def _source_block(self, scope: list[str]) -> str:
        child, *rest = scope
        if child == "spatial":
            return self.source_spatial(rest)
        if child == "attention":
            return self.source_attention(rest)
        if child == "shortcut":
            first = 1 if self.shortcut == "pool" else 0
            return f"downsample.{first if rest == ['conv'] else first + 1}"
        return SOURCE_CONVS["/".join(scope)]

    def source_spatial(self, scope: list[str]) -> str:
        """The checkpoint's name, within a block, of the module at `scope` of the spatial layer."""
        raise NotImplementedError

    def source_attention(self, scope: list[str]) -> str:
        """The same for the attention."""
        raise NotImplementedError
