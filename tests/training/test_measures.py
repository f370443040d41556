"""The numbers of an evaluation against values worked out by hand."""

import numpy as np
import pytest

from training.reporting.metrics import calibration_error, measure, per_class, wilson


def test_wilson_is_the_textbook_interval():
    # Agresti & Coull's example: 95 % for 9 of 10.
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.35, 0.35])
    correct = np.array([True, False, True, False])
    # Two bins of half the images: |0.5 - 0.95| and |0.5 - 0.35|.
    assert calibration_error(confidence, correct) == pytest.approx((0.45 + 0.15) / 2)


def test_measures_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    result = measure(probabilities, np.array([0, 1, 1, 1]))
    assert result["top1"] == 0.75
    assert result["top5"] == 1
    assert result["loss"] == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean())
    assert result["confusion"] == [[1, 0], [1, 2]]
    # Observed 3/4, expected by chance 1/4 * 1/2 + 3/4 * 1/2 = 1/2.
    assert result["cohen_kappa"] == pytest.approx(0.5)
    assert result["matthews_correlation"] == pytest.approx(2 / np.sqrt(12))
    assert per_class(result["confusion"], ("a", "b"))[1] == {
        "class": "b",
        "precision": 1.0,
        "recall": pytest.approx(2 / 3),
        "images": 3,
    }


def test_top5_counts_ranks():
    probabilities = np.array([[0.3, 0.2, 0.15, 0.14, 0.11, 0.1]] * 2)
    assert measure(probabilities, np.array([4, 5]))["top5"] == 0.5
