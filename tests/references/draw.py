"""The tensors and the images of the references, drawn from fixed generators with NumPy alone.

`make_references.py` loads them into a timm model; a test draws the very same ones again and loads
them into ours, so that no weights need to be stored.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np

IMAGE_SEEDS = (1, 2)
IMAGE_SIZES = (224, 129)  # 129 stays odd through every stride: 65, 33, 17, 9, 5
CLASSES = slice(None, None, 10)  # which of the thousand logits are stored

# Of the stored pixels: scikit-learn's photos; size, crop fraction and interpolation.
PHOTOS = ("china.jpg", "flower.jpg")
TRANSFORMS = (
    (224, 0.875, "bilinear"),
    (288, 1.0, "bicubic"),
    (416, 0.928, "bicubic"),
    (176, 0.875, "bilinear"),
)

# The last normalisation of a residual branch: a small gain keeps the sum of many blocks finite.
_BRANCH_END = ".bn3.weight"
# ReXNet's projections: below this gain the image drowns in the biases, above it rounding grows.
_PROJECTION = (".conv_pwl.bn.weight", ".out.4.weight", ".out.7.weight")


def draw_tensors(architecture: str, shapes: Mapping[str, Sequence[int]]) -> dict[str, np.ndarray]:
    """Returns one float32 tensor for each PyTorch key, in PyTorch's layout.

    Every tensor has a generator of its own, seeded by the architecture and the key: neither the
    order of the keys nor a missing one changes the others. `num_batches_tracked` is left out.
    """
    return {
        key: _draw(key, tuple(shape), _generator(f"{architecture}/{key}"))
        for key, shape in shapes.items()
        if not key.endswith("num_batches_tracked")
    }


def draw_image(seed: int, size: int) -> np.ndarray:
    """Returns a float32 image `(size, size, 3)`: large blocks of colour under fine noise.

    Noise alone would be averaged away by the global pooling, and two images would give one result.
    """
    generator = _generator(f"image/{seed}/{size}")
    coarse = generator.standard_normal((7, 7, 3), dtype=np.float32)
    fine = generator.standard_normal((size, size, 3), dtype=np.float32)
    cell = math.ceil(size / 7)
    blocks = coarse.repeat(cell, axis=0).repeat(cell, axis=1)[:size, :size]
    return blocks + np.float32(0.5) * fine


def fingerprint(tensors: Mapping[str, np.ndarray]) -> float:
    """Returns the sum of all absolute values: one number that tells two drawings apart."""
    return math.fsum(float(np.abs(t).sum(dtype=np.float64)) for t in tensors.values())


def _generator(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def _draw(key: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    if len(shape) == 4 and shape[0] != 1000:  # convolution, He et al. (2015)
        return _normal(generator, shape, math.sqrt(2 / math.prod(shape[1:])))
    if len(shape) in (2, 4):  # classifier
        return _normal(generator, shape, 0.05)
    if key.endswith(".running_var"):
        return _uniform(generator, shape, 0.5, 1.5)
    if key.endswith((".bias", ".running_mean")):
        return _normal(generator, shape, 0.1)
    if key.endswith(_BRANCH_END):
        return _uniform(generator, shape, 0.05, 0.25)
    if key.endswith(_PROJECTION):
        return _uniform(generator, shape, 0.5, 1.0)
    if key.endswith(".weight"):
        return _uniform(generator, shape, 0.5, 1.5)
    raise ValueError(f"No rule draws {key!r} of shape {shape}.")


def _normal(generator: np.random.Generator, shape: tuple[int, ...], std: float) -> np.ndarray:
    return generator.standard_normal(shape, dtype=np.float32) * np.float32(std)


def _uniform(
    generator: np.random.Generator, shape: tuple[int, ...], low: float, high: float
) -> np.ndarray:
    return generator.random(shape, dtype=np.float32) * np.float32(high - low) + np.float32(low)
