"""Weights for a network whose checkpoint is not at hand."""

from typing import Any

import numpy as np


def randomize_norms(model: Any) -> None:
    """Draws every scale of a Keras model anew.

    A residual branch that starts at zero would be a constant, which no integer format can calibrate.
    """
    random = np.random.default_rng(2)
    for variable in model.variables:
        if "gamma" in getattr(variable, "path", variable.name):
            variable.assign(random.uniform(0.5, 1.0, variable.shape))
