"""The numbers of labels against values worked out by hand."""

import numpy as np
import pytest

from training.reporting.label_metrics import LabelEvaluation, evaluate_labels

PROBABILITIES = np.array([[0.9, 0.6, 0.1], [0.8, 0.2, 0.3], [0.4, 0.7, 0.2], [0.1, 0.1, 0.6]])
LABELS = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]], "uint8")


@pytest.fixture
def result():
    return evaluate_labels(PROBABILITIES, LABELS, ("a", "b", "c"), "test")


def test_measures_by_hand(result):
    # "a" is ranked before all others, "b" first of four; nothing is "c".
    assert result.mean_average_precision == 1
    low, high = result.mean_average_precision_interval
    assert 0 <= low <= high <= 1
    # Given: a to 1 and 2, b to 1 and 3, c to 4. Three of five are right, one of four is missed.
    assert result.micro_f1 == pytest.approx(2 * 3 / (5 + 4))
    assert result.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)
    assert result.exact == 0.25
    assert result.loss == pytest.approx(
        -np.log([0.9, 0.4, 0.9, 0.8, 0.8, 0.7, 0.4, 0.7, 0.8, 0.9, 0.9, 0.4]).mean()
    )
    a, b, c = result.classes
    assert (a.name, a.precision, a.recall, a.images) == ("a", 1, pytest.approx(2 / 3), 3)
    assert (b.precision, b.recall, b.f1, b.images) == (0.5, 1, pytest.approx(2 / 3), 1)
    assert (c.average_precision, c.f1, c.images) == (None, 0, 0)
    assert result.verdict.startswith("a mean average precision of 100.0% on 4 test images (95 %")


def test_it_is_read_as_it_was_written(result, tmp_path):
    result.save(tmp_path / "evaluation.json")
    read = LabelEvaluation.load(tmp_path / "evaluation.json")
    assert read.classes == result.classes
    assert read.class_names == ["a", "b", "c"]
    assert read.macro_f1 == result.macro_f1
