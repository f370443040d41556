"""Heat maps over photos."""

import numpy as np

from keras_resnets.errors import UserError

# From cold to hot, in equal steps: colours that people with any colour vision tell apart (after
# Matplotlib's "inferno").
_COLOURS = np.array(
    [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]],
    "float32",
)
# How much of the photo the hottest colour hides.
_OPACITY = 0.7


def overlay(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lays a heat map over an image: the hotter, the less of the image shines through.

    Args:
        pixels: `(height, width, 3)` uint8, RGB, such as `Preprocessing.pixels` gives.
        heat: `(height, width)` in `[0, 1]`, such as `grad_cam` gives.

    Returns:
        `(height, width, 3)` uint8. Where the map is 0, the image is as it was.

    Raises:
        UserError: For other shapes or types.

    Example:
        >>> import numpy as np
        >>> from keras_resnets.explain import overlay
        >>> overlay(np.full((1, 2, 3), 91, "uint8"), np.array([[0.0, 1.0]]))[0].tolist()
        [[91, 91, 91], [204, 206, 142]]
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise UserError(
            "Expected pixels of shape (height, width, 3) and dtype uint8. "
            f"Received: shape={pixels.shape}, dtype={pixels.dtype}."
        )
    if heat.shape != pixels.shape[:2]:
        raise UserError(
            f"Expected a map of the image's shape, {pixels.shape[:2]}. Received: {heat.shape}."
        )
    steps = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(heat, steps, channel) for channel in _COLOURS.T], axis=-1)
    opacity = _OPACITY * np.clip(heat, 0, 1)[..., None]
    mixed: np.ndarray = np.rint(pixels * (1 - opacity) + colours * opacity)
    return mixed.astype("uint8")
