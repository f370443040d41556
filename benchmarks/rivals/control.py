"""The control: a matrix product, which every machine does as fast as it can."""

import time

import numpy as np

SIDE = 1536
FLOATING_POINT_OPERATIONS = 2 * SIDE**3


class MatrixProduct:
    """A square float32 product, by the BLAS of NumPy, on the threads of `OPENBLAS_NUM_THREADS`."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self._left, self._right, self._product = (
            random.standard_normal((SIDE, SIDE), "float32") for _ in range(3)
        )
        self()

    def __call__(self) -> float:
        """The faster of two products, in milliseconds: one alone catches every hiccup."""
        return min(self._once() for _ in range(2))

    def _once(self) -> float:
        start = time.perf_counter()
        np.matmul(self._left, self._right, out=self._product)
        return 1e3 * (time.perf_counter() - start)


def gigaflops(milliseconds: float) -> float:
    """Billions of floating-point operations a second, from a product's time."""
    return FLOATING_POINT_OPERATIONS / milliseconds / 1e6
