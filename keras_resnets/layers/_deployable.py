"""What a layer offers to `keras_resnets.deploy`: its own equivalent for inference."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, Self

import keras
import numpy as np

from keras_resnets._common.drawing import undrawn
from keras_resnets.errors import UserError


class Deployable(keras.layers.Layer):
    """A layer that can be rebuilt, by configuration and weights alone, in a form that infers faster.

    A subclass has a boolean `folded` in its configuration and says in `deployed_weights` how its
    weights become those of the folded form.

    Example:
        >>> import keras
        >>> from keras_resnets.layers import ConvNorm, Deployable
        >>> layer = ConvNorm(16, 3)
        >>> isinstance(layer, Deployable), layer(keras.Input((9, 9, 8))).shape
        (True, (None, 9, 9, 16))
        >>> len(layer.weights), len(layer.deployed().weights)  # normalisation becomes a bias
        (5, 2)
    """

    _are_open = contextvars.ContextVar("blocks are open", default=False)

    @staticmethod
    @contextlib.contextmanager
    def opened() -> Iterator[None]:
        """Within it a block that is called leaves the operations it consists of in the graph."""
        token = Deployable._are_open.set(True)
        try:
            yield
        finally:
            Deployable._are_open.reset(token)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if Deployable._are_open.get():
            return self.call(*arguments, **named)
        return super().__call__(*arguments, **named)

    def build_from_config(self, config: dict[str, Any]) -> None:
        # JSON turns tuples into lists, and shape arithmetic wants tuples.
        self.build(tuple(config["input_shape"]))

    def deployed_config(self) -> dict[str, Any]:
        """The configuration of the equivalent layer."""
        return {**self.get_config(), "folded": True}

    def deployed_weights(self) -> list[np.ndarray]:
        """The weights of the equivalent layer, in the order of its `weights`."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its weights fold.")

    def deployed(self) -> Self:
        """A built, equivalent layer for inference; this one is left as it is.

        Raises:
            ValueError: If this layer is not built, or is deployed already.
        """
        if not self.built:
            raise UserError(f"Expected a built layer. Received: {self.name}. Call it once first.")
        if self.get_config()["folded"]:
            raise UserError(f"Layer {self.name} is deployed already. Deploy the trained model.")
        layer: Self = type(self).from_config(self.deployed_config())
        with undrawn():
            layer.build(tuple(self.get_build_config()["input_shape"]))
        layer.set_weights(self.deployed_weights())
        return layer


def fold_norm(
    kernel: np.ndarray, bias: np.ndarray | float, norm: keras.layers.BatchNormalization
) -> tuple[np.ndarray, np.ndarray]:
    """The kernel and bias that compute convolution and normalisation at once.

    Args:
        kernel: `(height, width, channels, filters)`.
        bias: `(filters,)`, or 0 for a convolution without bias.
        norm: The normalisation that follows, with its moving statistics.
    """
    gamma, beta, mean, variance = (
        np.asarray(keras.ops.convert_to_numpy(v), "float64") for v in norm.weights
    )
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return (kernel * scale).astype("float32"), (beta + (bias - mean) * scale).astype("float32")
