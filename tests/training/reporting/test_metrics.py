"""The numbers of an evaluation against values worked out by hand."""

import json

import numpy as np
import pytest

from keras_resnets._common.shares import wilson
from training.reporting.metrics import (
    ConfidenceBin,
    Evaluation,
    Mistake,
    balanced_accuracy,
    calibration_error,
    evaluate,
    with_temperature,
    with_threshold,
)


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
    assert result.mistakes == [Mistake(position=1, label=1, predicted=0, confidence=0.6)]
    filled = {index: bin for index, bin in enumerate(result.bins) if bin.images}
    assert filled == {
        9: ConfidenceBin(1, 0.6, 0.0),
        10: ConfidenceBin(1, 0.7, 1.0),
        12: ConfidenceBin(1, 0.8, 1.0),
        13: ConfidenceBin(1, 0.9, 1.0),
    }
    assert result.verdict == "75.00% of 4 test images right (95 % interval 30.1% to 95.4%)"
    result.save(tmp_path / "evaluation.json")
    read = Evaluation.load(tmp_path / "evaluation.json")
    assert read.classes == result.classes
    assert (read.bins, read.mistakes) == (result.bins, result.mistakes)
    assert read.class_names == ["a", "b"]
    assert read.top1_interval == pytest.approx(result.top1_interval)


def test_the_surest_mistakes_come_first_and_are_few():
    sure = np.linspace(0.6, 0.9, 30)
    probabilities = np.stack([sure, 1 - sure], axis=1)
    mistakes = evaluate(probabilities, np.ones(30, int), ("a", "b"), "test").mistakes
    assert [mistake.position for mistake in mistakes] == list(range(29, 5, -1))


def test_numbers_from_before_are_read(tmp_path):
    path = tmp_path / "evaluation.json"
    evaluate(np.eye(2), np.array([0, 1]), ("a", "b"), "test").save(path)
    values = json.loads(path.read_text())
    del values["bins"], values["mistakes"]
    path.write_text(json.dumps(values))
    assert Evaluation.load(path).bins == []


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


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_are_there():
    labels = np.array([0] * 8 + [2] * 2)
    correct = np.array([True] * 8 + [True, False])
    mean, (low, high) = balanced_accuracy(labels, correct)
    assert mean == 0.75
    # Wilson's: 67.56 % to 100 % for 8 of 8, 9.45 % to 90.55 % for 1 of 2.
    assert low == pytest.approx(0.75 - np.hypot(1 - 0.67559, 0.5 - 0.09453) / 2, abs=1e-4)
    assert high == pytest.approx(0.75 + np.hypot(0, 0.90547 - 0.5) / 2, abs=1e-4)
    # Of one class it is Wilson's own.
    _, interval = balanced_accuracy(labels[:8], correct[:8])
    assert interval == pytest.approx(wilson(8, 8))


PROBABILITIES = np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7], [0.1, 0.9]])
LABELS = np.array([0, 1, 1, 1])


def test_an_answer_below_the_threshold_is_none():
    result = evaluate(PROBABILITIES, LABELS, ("a", "b"), "test")
    result = with_threshold(result, PROBABILITIES, LABELS, 0.7)
    assert (result.unsure, result.top1_of_sure) == (0.25, 1.0)
    assert result.top1_of_sure_interval == wilson(3, 3)
    result = with_threshold(result, PROBABILITIES, LABELS, 0.95)
    assert (result.unsure, result.top1_of_sure, result.top1_of_sure_interval) == (1, None, None)


def test_the_error_before_a_temperature_is_that_of_the_logits_as_they_were():
    logits = np.array([[4.0, 1.0], [1.0, 0.5], [0.0, 2.0], [-3.0, 1.0]])
    exponentials = np.exp(logits)
    before = exponentials / exponentials.sum(axis=1, keepdims=True)
    after = np.sqrt(exponentials) / np.sqrt(exponentials).sum(axis=1, keepdims=True)
    result = with_temperature(
        evaluate(after, LABELS, ("a", "b"), "test"), after, LABELS, temperature=2.0
    )
    expected = evaluate(before, LABELS, ("a", "b"), "test").calibration_error
    assert result.calibration_error_before == pytest.approx(expected)
    assert result.temperature == 2.0
