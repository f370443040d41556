"""Whether the kernels of new layers are drawn."""

import contextlib
import contextvars
from collections.abc import Iterator

_drawn = contextvars.ContextVar("kernels are drawn", default=True)


def are_drawn() -> bool:
    """Whether a kernel that is made now is to be drawn."""
    return _drawn.get()


@contextlib.contextmanager
def undrawn(weights_follow: bool = True) -> Iterator[None]:
    """Within it kernels start as zeros, in less time: for networks whose weights follow.

    Args:
        weights_follow: Whether they do; what is around may know already that they do.

    Example:
        >>> from keras_resnets.layers import ConvNorm
        >>> with undrawn():
        ...     layer = ConvNorm(16, 3)
        ...     layer.build((None, 9, 9, 8))
        >>> float(abs(layer.conv.kernel.numpy()).max())
        0.0
    """
    token = _drawn.set(_drawn.get() and not weights_follow)
    try:
        yield
    finally:
        _drawn.reset(token)
