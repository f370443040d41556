"""The numbers of an evaluation against values worked out by hand."""

import numpy as np
import pytest

from training.reporting.metrics import Evaluation, calibration_error, evaluate, wilson


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


def test_measures_by_hand(tmp_path):
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
    result = evaluate(probabilities, np.array([0, 1, 1, 1]), ("a", "b"), "test")
    assert result.top1 == 0.75
    assert result.top5 == 1
    assert result.loss == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.9]).mean())
    assert result.confusion == [[1, 0], [1, 2]]
    # Observed 3/4, expected by chance 1/4 * 1/2 + 3/4 * 1/2 = 1/2.
    assert result.cohen_kappa == pytest.approx(0.5)
    assert result.matthews_correlation == pytest.approx(2 / np.sqrt(12))
    score = result.classes[1]
    assert (score.name, score.precision, score.images) == ("b", 1.0, 3)
    assert score.recall == pytest.approx(2 / 3)
    assert result.verdict == "75.00% of 4 test images right (95 % interval 30.1% to 95.4%)"
    result.save(tmp_path / "evaluation.json")
    read = Evaluation.load(tmp_path / "evaluation.json")
    assert read.classes == result.classes
    assert read.class_names == ["a", "b"]
    assert read.top1_interval == pytest.approx(result.top1_interval)


def test_a_class_that_is_never_there_or_never_guessed_scores_nothing():
    result = evaluate(np.eye(3)[[0, 0, 1]], np.array([0, 1, 1]), ("a", "b", "c"), "test")
    assert [(c.precision, c.recall, c.images) for c in result.classes] == [
        (0.5, 1.0, 1),
        (1.0, 0.5, 2),
        (0.0, 0.0, 0),
    ]


def test_top5_counts_ranks():
    probabilities = np.array([[0.3, 0.2, 0.15, 0.14, 0.11, 0.1]] * 2)
    assert evaluate(probabilities, np.array([4, 5]), tuple("abcdef"), "test").top5 == 0.5
