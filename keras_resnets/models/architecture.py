"""What a family's configuration offers to the one constructor."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

# PyTorch's names for Keras' variables.
SOURCE_VARIABLES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network up to its classifier, as data. Each family's configuration derives from it.

    Attributes:
        name: the constructor's name.
        family: the free-form constructor's name; `"ResNet"` for the yardsticks.
        timm: the architecture's name in timm, or `None` where timm has none.
        parameters: trainable parameters with 1000 classes; `None` for a free-form network.
        gmacs: billions of multiply-accumulates at 224x224; `None` for a free-form network.
        paper: where the network was published.
    """

    name: str
    family: str
    timm: str | None = None
    parameters: int | None = None
    gmacs: float | None = None
    paper: str = ""

    @property
    def strides(self) -> int:
        """Input pixels a side to one position of the last feature map."""
        raise NotImplementedError

    def features(
        self,
        inputs: Any,
        *,
        output_stride: int,
        drop_path_rate: float,
        drop_block_rate: float,
    ) -> Any:
        """The last feature map, `(batch, height, width, channels)`, of normalised images."""
        raise NotImplementedError

    def head(self, features: Any) -> Any:
        """What the classifier sees, `(batch, units)`."""
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)

    @property
    def head_variables(self) -> tuple[str, ...]:
        """Paths of the variables of `head`, which a model without the top lacks."""
        return ()

    def source_key(self, path: str) -> str:
        """The name in timm's or the authors' checkpoints of our variable `path`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Placement:
    """Where a block stands, and what follows from it.

    Attributes:
        stage: from 1.
        block: within the stage, from 1.
        strides: of this block after `output_stride` took its toll.
        dilation_rate: of this block.
        reduces: whether the block has strides above 1 in the undilated network.
        drop_path_rate: grows linearly from 0 at the first block to the full rate at the last.
        drop_block_rate: the full rate in the last two stages, 0 before.
    """

    stage: int
    block: int
    strides: int
    dilation_rate: int
    reduces: bool
    drop_path_rate: float
    drop_block_rate: float

    @property
    def name(self) -> str:
        return f"stage{self.stage}_block{self.block}"


def placements(
    depths: tuple[int, ...],
    stage_strides: tuple[int, ...],
    *,
    stem_strides: int,
    output_stride: int,
    drop_path_rate: float,
    drop_block_rate: float,
) -> Iterator[Placement]:
    """Lays the blocks out, with dilation in place of strides beyond `output_stride`.

    The first block of a dilated stage keeps the dilation of the stage before (Chen et al., 2017, and
    torchvision), since its input is sampled as densely as that stage's.
    """
    reached, dilation, index = stem_strides, 1, 0
    last = max(sum(depths) - 1, 1)
    for stage, (depth, strides) in enumerate(zip(depths, stage_strides, strict=True), start=1):
        first_dilation, first_strides = dilation, strides
        if reached * strides > output_stride:
            dilation, first_strides = dilation * strides, 1
        reached *= first_strides
        for block in range(1, depth + 1):
            yield Placement(
                stage=stage,
                block=block,
                strides=first_strides if block == 1 else 1,
                dilation_rate=first_dilation if block == 1 else dilation,
                reduces=block == 1 and strides > 1,
                drop_path_rate=drop_path_rate * index / last,
                drop_block_rate=drop_block_rate if stage > len(depths) - 2 else 0.0,
            )
            index += 1
