"""Names for types that signatures share."""

from typing import Any, TypeAlias

Shape: TypeAlias = tuple[int | None, ...]
"""Of a tensor; `None` is a side that is known only when data arrives."""

# Keras, TensorFlow, JAX and torch have a class each, and no common one.
Tensor: TypeAlias = Any
"""A tensor of the back end, a symbolic one of Keras, or a NumPy array where it stands for one."""
