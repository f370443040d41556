"""What a family's configuration offers to the one constructor."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from keras_resnets._common.types import Tensor
from keras_resnets.models.placement import Placement

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
class NetworkConfig:
    """A network up to its classifier, as data. Each family's configuration derives from it."""

    @property
    def depths(self) -> tuple[int, ...]:
        """Blocks of each stage."""
        raise NotImplementedError

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """Strides of each stage's first block."""
        raise NotImplementedError

    @property
    def stem_strides(self) -> int:
        """Strides of all that stands before the first stage."""
        raise NotImplementedError

    @property
    def strides(self) -> int:
        """Input pixels a side to one position of the last feature map."""
        return self.stem_strides * math.prod(self.stage_strides)

    def features(self, images: Tensor, places: Iterable[Placement]) -> Tensor:
        """The last feature map of normalised images, `(batch, height, width, channels)`.

        Args:
            images: `(batch, height, width, channels)`.
            places: Where each block stands, in order.
        """
        raise NotImplementedError

    def head(self, features: Tensor) -> Tensor:
        """What the classifier sees, `(batch, units)`."""
        import keras

        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)

    @property
    def head_variables(self) -> tuple[str, ...]:
        """Paths of the variables of `head`, which a model without the top lacks."""
        return ()

    def source_key(self, path: str) -> str:
        """The name in timm's or the authors' checkpoints of our variable `path`."""
        raise NotImplementedError
