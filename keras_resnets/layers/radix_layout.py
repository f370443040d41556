"""The two orders of a split attention's channels, and how to get from one to the other.

The paper's figure 2 is cardinality-major: each cardinal group holds its radix maps side by side, so
that it can be computed alone. The released implementation and ours are radix-major: each radix index
holds the maps of all cardinal groups, so that one grouped convolution and one sum do for all. They
are the same function of reordered weights (appendix of Zhang et al., 2020).
"""

from typing import Literal

import numpy as np

from keras_resnets.errors import UserError


def convert_layout(
    weights: np.ndarray,
    *,
    radix: int,
    cardinality: int,
    to: Literal["cardinality_major", "radix_major"],
) -> np.ndarray:
    """Reorders the last axis of a weight, between radix-major and cardinality-major groups.

    Apply it to the kernel and the normalisation of the grouped convolution, and to those of the layer
    before it: the grouped convolution reads its input in the order of its groups. The 1x1 layers of
    the attention are alike in both orders.

    Args:
        weights: An array, `(…, channels)`, with `channels` a multiple of `radix * cardinality`.
        radix: Number of feature maps of a group.
        cardinality: Number of groups.
        to: The order of the result; the other one is that of `weights`.

    Returns:
        An array of the same shape.

    Raises:
        ValueError: For a last axis that the groups do not divide.

    Example:
        >>> import numpy as np
        >>> from keras_resnets.layers import convert_layout
        >>> convert_layout(np.arange(6), radix=2, cardinality=3, to="cardinality_major").tolist()
        [0, 3, 1, 4, 2, 5]
    """
    if weights.shape[-1] % (radix * cardinality):
        raise UserError(
            f"Expected channels in multiples of radix * cardinality = {radix * cardinality}. "
            f"Received: shape={weights.shape}."
        )
    outer, inner = (radix, cardinality) if to == "cardinality_major" else (cardinality, radix)
    parts = weights.reshape(*weights.shape[:-1], outer, inner, -1)
    return np.swapaxes(parts, -3, -2).reshape(weights.shape)


def radix_major_order(filters: int, radix: int, cardinality: int) -> np.ndarray:
    """Where each radix-major channel stands in cardinality-major order.

    Returns:
        Integers `(radix * filters,)`, such that `cardinality_major[..., order]` is radix-major.
    """
    positions = np.arange(radix * filters)
    return convert_layout(positions, radix=radix, cardinality=cardinality, to="radix_major")
