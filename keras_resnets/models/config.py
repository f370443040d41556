"""What a family's configuration offers to the one constructor."""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keras_resnets._common.types import Tensor
from keras_resnets.errors import UserError
from keras_resnets.models.arguments import NetworkArguments
from keras_resnets.models.placement import Placement

MOST = 2**16  # of any count: more channels, blocks or groups than any machine holds
_ARGUMENTS = frozenset(field.name for field in dataclasses.fields(NetworkArguments))

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
    """A network up to its classifier, as data. Each family's configuration derives from it.

    Raises:
        UserError: For a field of another type than it is declared with, or a number that is not
            finite or out of range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if field.name in _ARGUMENTS:
                continue
            value = getattr(self, field.name)
            if isinstance(value, list):  # as a recipe read from YAML brings it
                object.__setattr__(self, field.name, value := tuple(value))
            rule = _broken_rule(value, field.type)
            if rule:
                raise UserError(f"Expected {field.name} to be {rule}. Received: {value!r}.")

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


def _broken_rule(value: Any, declared: Any) -> str:
    """What a value of a field so declared must be; empty where it is that."""
    if declared == tuple[int, ...]:
        if isinstance(value, tuple) and value and all(map(_is_count, value)):
            return ""
        return f"one or more whole numbers from 1 to {MOST:,}"
    if declared is int:
        return "" if _is_count(value) else f"a whole number from 1 to {MOST:,}"
    if declared in (float, float | None):
        absent = value is None and declared is not float
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if absent or (is_number and 0 < value <= MOST):
            return ""
        return f"a number above 0, of at most {MOST:,}"
    return "" if isinstance(value, declared) else f"a {declared.__name__}"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST
