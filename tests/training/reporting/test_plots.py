"""Pictures of classes whose names are as long as a folder's may be."""

import numpy as np
from PIL import Image

from training.reporting.label_metrics import LabelScore
from training.reporting.plots import draw_confusion, draw_label_scores

NAMES = [f"{'a very long name of a class ' * 8} {number:03}" for number in range(12)]


def dark(path) -> float:
    """The share of a picture that is drawn on."""
    with Image.open(path) as picture:
        return float((np.asarray(picture.convert("L")) < 250).mean())


def test_a_confusion_matrix_keeps_its_place_beside_long_names(tmp_path):
    """Matplotlib would warn that no room is left, which fails a test."""
    counts = np.full((12, 12), 7) + 80 * np.eye(12, dtype=int)
    draw_confusion(counts.tolist(), NAMES, tmp_path / "long.png")
    draw_confusion(counts.tolist(), list("abcdefghijkl"), tmp_path / "short.png")
    with Image.open(tmp_path / "long.png") as picture:
        blue = np.asarray(picture.convert("RGB"), int)
    assert ((blue[..., 2] - blue[..., 0]) > 60).mean() > 0.01  # the diagonal
    assert dark(tmp_path / "short.png") > 0.1


def test_so_do_the_scores_of_labels(tmp_path):
    scores = [
        LabelScore(name=name, images=9, average_precision=0.8, f1=0.7, precision=0.7, recall=0.7)
        for name in NAMES
    ]
    draw_label_scores(scores, NAMES, tmp_path / "labels.png")
    assert dark(tmp_path / "labels.png") > 0.05
