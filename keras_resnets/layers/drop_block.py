"""`DropBlock`: dropout of contiguous regions, at a rate that a schedule may change."""

from typing import Any

import keras
from keras import ops

from keras_resnets._common.types import Shape, Tensor
from keras_resnets.errors import UserError


@keras.saving.register_keras_serializable(package="keras_resnets")
class DropBlock(keras.layers.Layer):
    """Zeroes square regions of each channel (Ghiasi et al., 2018, Algorithm 1).

    Centres are drawn where a whole block fits, with the paper's probability γ (its equation 1), so that
    a fraction `rate` of all activations is dropped on average; the survivors are scaled so that the sum
    of the mask is kept. The rate is a variable: a schedule assigns `layer.rate` while training runs.

    Input and output: `(batch, height, width, channels)`.

    Args:
        rate: Fraction of activations dropped, in `[0, 1)`.
        block_size: Side of a region in positions, 1 or more; an even side, or a map smaller than
            the block, is cut down to the largest odd side that fits.
        seed: An integer for a fixed sequence of draws.

    Raises:
        ValueError: For a rate outside `[0, 1)` or a block smaller than 1.

    Example:
        >>> import keras, numpy as np
        >>> from keras_resnets.layers import DropBlock
        >>> images = np.ones((1, 8, 8, 4), "float32")
        >>> outputs = DropBlock(0.2, block_size=3, seed=0)(images, training=True)
        >>> bool(keras.ops.any(outputs == 0))
        True
    """

    def __init__(self, rate: float, *, block_size: int = 7, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise UserError(f"Expected a rate in [0, 1). Received: rate={rate}.")
        if block_size < 1:
            raise UserError(f"Expected a block_size of 1 or more. Received: {block_size}.")
        self.initial_rate = rate
        self.block_size = block_size
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.rate = self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(rate),
            trainable=False,
            dtype="float32",
            autocast=False,
            name="rate",
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training:
            return inputs
        mask = self._mask(inputs)
        kept = ops.mean(mask, axis=(1, 2, 3), keepdims=True)
        scale = 1 / ops.maximum(kept, keras.config.epsilon())
        return inputs * ops.cast(mask * scale, inputs.dtype)

    def _mask(self, inputs: Tensor) -> Tensor:
        """Ones where an activation stays, `(batch, height, width, channels)` in float32."""
        side = min(self.block_size, *(n for n in inputs.shape[1:3] if n is not None))
        side -= 1 - side % 2
        batch, height, width, channels = ops.shape(inputs)
        # A whole block fits around these positions only; the border of the map holds no centre.
        rows, columns = height - side + 1, width - side + 1
        area, valid_area = (ops.cast(n, "float32") for n in (height * width, rows * columns))
        gamma = self.rate / side**2 * area / valid_area
        draw = keras.random.uniform(
            (batch, rows, columns, channels), dtype="float32", seed=self.seed_generator
        )
        edge = (side // 2, side // 2)
        centres = ops.pad(ops.cast(draw < gamma, "float32"), ((0, 0), edge, edge, (0, 0)))
        return 1 - ops.max_pool(centres, side, strides=1, padding="same")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.initial_rate,
            "block_size": self.block_size,
            "seed": self.seed,
        }
