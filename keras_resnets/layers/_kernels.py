"""What the kernels of convolutions start as."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_resnets._common.drawing import are_drawn
from keras_resnets._common.types import Tensor


@keras.saving.register_keras_serializable(package="keras_resnets")
class KernelInitializer(keras.initializers.VarianceScaling):
    """He et al. (2015), by fan-out as torchvision and timm draw it.

    Args:
        seed: Seed of the numbers; by default another one each time.

    Example:
        >>> kernel = KernelInitializer(seed=1)((3, 3, 8, 200))
        >>> round(float(kernel.numpy().std() ** 2 * 3 * 3 * 200), 1)
        2.0
    """

    def __init__(self, seed: int | None = None):
        super().__init__(scale=2.0, mode="fan_out", distribution="untruncated_normal", seed=seed)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> Tensor:
        return super().__call__(shape, dtype) if are_drawn() else keras.ops.zeros(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}
