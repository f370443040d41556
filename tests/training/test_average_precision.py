"""Average precision against its definition, worked through the thresholds one by one."""

import numpy as np
import pytest

from training.average_precision import average_precisions, mean_average_precision


def _by_definition(truth, scores):
    """The precision at each threshold, weighted by what recall gains there."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        recall = truth[taken].sum() / truth.sum()
        total += (recall - before) * truth[taken].mean()
        before = recall
    return total


def test_average_precision_is_its_definition_ties_included():
    rng = np.random.default_rng(2)
    truth = (rng.random((40, 3)) < 0.3).astype(float)
    scores = rng.integers(0, 8, (40, 3)) / 8
    expected = [_by_definition(truth[:, k], scores[:, k]) for k in range(3)]
    assert average_precisions(truth, scores) == pytest.approx(expected)
    assert mean_average_precision(truth, scores) == pytest.approx(np.mean(expected))


def test_a_class_that_no_image_has_does_not_count():
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    scores = np.array([[0.9, 0.5], [0.8, 0.5], [0.1, 0.5]])
    # Ranks 1 and 3 of three: (1/1 + 2/3) / 2.
    assert mean_average_precision(truth, scores) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(average_precisions(truth, scores)[1])
    assert mean_average_precision(np.zeros((3, 2)), scores) == 0
