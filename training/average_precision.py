"""How well scores rank the images that have a label before those that do not."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def average_precisions(targets: Array, scores: Array) -> Array:
    """The average precision of each class, `(classes,)`: NaN where no image has its label.

    The sum over the ranks of precision times the gain in recall, without interpolation, as
    scikit-learn defines it.

    Args:
        targets: Labels of the images, `(images, classes)`, 1 where one holds and 0 elsewhere.
        scores: Probabilities or logits, `(images, classes)`.

    Example:
        >>> average_precisions(np.array([[1, 0], [0, 0], [1, 0]]), np.array([[3, 1], [2, 1], [1, 1]]))
        array([0.83333333,        nan])
    """
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(truth, score) if truth.any() else np.nan
            for truth, score in zip(np.asarray(targets).T, np.asarray(scores).T, strict=True)
        ]
    )


def mean_average_precision(targets: Array, scores: Array) -> float:
    """The mean of `average_precisions` over the classes that some image has; 0 where there are none."""
    found = average_precisions(targets, scores)
    return float(np.mean(found[~np.isnan(found)])) if not np.isnan(found).all() else 0.0
