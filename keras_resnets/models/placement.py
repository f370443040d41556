"""Where the blocks of a network stand: strides, dilation and what is dropped, stage by stage."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """Where a block stands, and what follows from it.

    Attributes:
        stage: Number of the stage, from 1.
        block: Number of the block within its stage, from 1.
        strides: Strides of this block, after `output_stride` took its toll.
        dilation_rate: Dilation of this block.
        reduces: Whether the block has strides above 1 in the undilated network.
        drop_path_rate: Grows linearly from 0 at the first block to the full rate at the last.
        drop_block_rate: The full rate in the last two stages, 0 before.
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
        """The layer's name, such as `"stage3_block6"`."""
        return f"stage{self.stage}_block{self.block}"


def place_blocks(
    depths: Sequence[int],
    stage_strides: Sequence[int],
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
