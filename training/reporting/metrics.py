"""Numbers that say how good predictions are, with 95 % intervals."""

import math
from typing import Any

import numpy as np

Z = 1.959964  # of the two-sided 95 % interval
BINS = 15
RESAMPLES = 200


def measure(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Top-1, top-5, loss, calibration error, Cohen's kappa and Matthews' correlation.

    Args:
        probabilities: `(images, classes)`.
        labels: `(images,)`.
    """
    from sklearn.metrics import cohen_kappa_score, confusion_matrix, matthews_corrcoef

    images, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    correct = predicted == labels
    # The rank of the right class; among equals the lowest label comes first, as in argmax.
    right = probabilities[np.arange(images), labels][:, None]
    ahead = (probabilities > right) | (
        (probabilities == right) & (np.arange(classes) < labels[:, None])
    )
    top5 = ahead.sum(axis=1) < 5
    return {
        "images": images,
        "top1": float(correct.mean()),
        "top1_interval": wilson(int(correct.sum()), images),
        "top5": float(top5.mean()),
        "top5_interval": wilson(int(top5.sum()), images),
        "loss": float(-np.log(np.maximum(right, 1e-12)).mean()),
        "calibration_error": calibration_error(confidence, correct),
        "calibration_error_interval": _bootstrap(confidence, correct),
        "cohen_kappa": float(cohen_kappa_score(labels, predicted)),
        "matthews_correlation": float(matthews_corrcoef(labels, predicted)),
        "confusion": confusion_matrix(labels, predicted, labels=range(classes)).tolist(),
    }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion."""
    share = successes / trials
    centre = share + Z**2 / (2 * trials)
    margin = Z * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    scale = 1 + Z**2 / trials
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error over equal bins of the confidence (Guo et al., 2017)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - correct, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _bootstrap(confidence: np.ndarray, correct: np.ndarray) -> tuple[float, float]:
    random = np.random.default_rng(0)
    draws = (random.integers(len(correct), size=len(correct)) for _ in range(RESAMPLES))
    errors = [calibration_error(confidence[draw], correct[draw]) for draw in draws]
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def per_class(confusion: list[list[int]], class_names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Precision, recall and number of images of each class."""
    matrix = np.asarray(confusion)
    right = matrix.diagonal()
    rows = zip(class_names, right, matrix.sum(axis=0), matrix.sum(axis=1), strict=True)
    return [
        {
            "class": name,
            "precision": float(hits / guessed) if guessed else 0.0,
            "recall": float(hits / present) if present else 0.0,
            "images": int(present),
        }
        for name, hits, guessed, present in rows
    ]
