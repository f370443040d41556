"""Names for types that signatures share."""

from typing import Any, TypeAlias

Shape: TypeAlias = tuple[int | None, int | None, int | None, int]
"""`(batch, height, width, channels)`; `None` where only the data tells."""

# Keras, TensorFlow, JAX and torch have a class each, and no common one.
Tensor: TypeAlias = Any
"""A tensor of the back end, a symbolic one of Keras, or a NumPy array where it stands for one."""
