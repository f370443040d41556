"""Numbers that say how good a model is that gives images any number of labels, with 95 % intervals."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from keras_resnets._common.files import write_text
from keras_resnets._common.shares import wilson
from keras_resnets.card import LABEL_THRESHOLD

from ..average_precision import average_precisions, mean_average_precision
from .metrics import RESAMPLES, Evaluation, Headline, Interval

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class LabelScore:
    """How one label fares.

    Attributes:
        name: The label.
        average_precision: Area under precision over recall; `None` where no image has the label.
        precision: Share of the images given it that have it; 0 where none are given it.
        recall: Share of its images that are given it; 0 where there are none.
        f1: Harmonic mean of precision and recall; 0 where both are.
        images: Number of images that have it.
    """

    name: str
    average_precision: float | None
    precision: float
    recall: float
    f1: float
    images: int


@dataclasses.dataclass(frozen=True)
class LabelEvaluation:
    """A model's labels against the truth. Shares are in [0, 1], intervals of 95 %.

    Attributes:
        split: Split that was measured on: `"test"`, `"validation"` or `"train"`.
        images: Number of images.
        mean_average_precision: Mean over the labels that some image has.
        mean_average_precision_interval: Bounds of that mean, over images drawn anew.
        micro_f1: F1 of all labels of all images counted together.
        macro_f1: Mean of the F1 of the labels that some image has.
        exact: Share of the images whose labels are all right.
        exact_interval: Bounds of that share.
        loss: Mean binary cross-entropy over images and labels, in nats.
        threshold: Probability above which a label is given, for all but the average precision.
        classes: One score a label.
    """

    split: str
    images: int
    mean_average_precision: float
    mean_average_precision_interval: Interval
    micro_f1: float
    macro_f1: float
    exact: float
    exact_interval: Interval
    loss: float
    threshold: float
    classes: list[LabelScore]

    @property
    def class_names(self) -> list[str]:
        return [score.name for score in self.classes]

    @property
    def headline(self) -> Headline:
        name = "mean average precision"
        return Headline(name, self.mean_average_precision, self.mean_average_precision_interval)

    @property
    def verdict(self) -> str:
        """`a mean average precision of 93.2% on 500 test images (95 % interval 91.0% to 95.1%)`."""
        low, high = self.mean_average_precision_interval
        return (
            f"a mean average precision of {self.mean_average_precision:.1%} on {self.images} "
            f"{self.split} images (95 % interval {low:.1%} to {high:.1%})"
        )

    def save(self, path: Path) -> None:
        """Writes the numbers as JSON."""
        values = dataclasses.asdict(self)
        values["classes"] = [{"class": entry.pop("name"), **entry} for entry in values["classes"]]
        write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        values = json.loads(path.read_text("utf-8"))
        scores = [LabelScore(entry.pop("class"), **entry) for entry in values.pop("classes")]
        return cls(**values, classes=scores)


def load(path: Path) -> Evaluation | LabelEvaluation:
    """Reads an evaluation, of either kind."""
    values = json.loads(path.read_text("utf-8"))
    kind = LabelEvaluation if "mean_average_precision" in values else Evaluation
    return kind.load(path)


def evaluate_labels(
    probabilities: Array, labels: Array, class_names: Sequence[str], split: str
) -> LabelEvaluation:
    """Measures labels.

    Args:
        probabilities: Probability of each label, `(images, classes)`.
        labels: 1 where a label holds and 0 elsewhere, `(images, classes)`.
        class_names: The labels in the order of the columns.
        split: Split that the images are of.
    """
    from sklearn.metrics import precision_recall_fscore_support

    given = probabilities > LABEL_THRESHOLD
    truth = labels.astype(bool)
    precision, recall, f1, images = precision_recall_fscore_support(truth, given, zero_division=0.0)
    _, _, micro, _ = precision_recall_fscore_support(
        truth, given, average="micro", zero_division=0.0
    )
    areas = average_precisions(truth, probabilities)
    there = np.flatnonzero(truth.any(axis=0))
    exact = int((given == truth).all(axis=1).sum())
    return LabelEvaluation(
        split=split,
        images=len(labels),
        mean_average_precision=mean_average_precision(truth, probabilities),
        mean_average_precision_interval=_bootstrap(truth, probabilities),
        micro_f1=float(micro),
        macro_f1=float(f1[there].mean()) if there.size else 0.0,
        exact=exact / len(labels),
        exact_interval=wilson(exact, len(labels)),
        loss=_cross_entropy(probabilities, truth),
        threshold=LABEL_THRESHOLD,
        classes=[
            LabelScore(
                name=name,
                average_precision=None if np.isnan(areas[index]) else float(areas[index]),
                precision=float(precision[index]),
                recall=float(recall[index]),
                f1=float(f1[index]),
                images=int(images[index]),
            )
            for index, name in enumerate(class_names)
        ],
    )


def _cross_entropy(probabilities: Array, truth: Array) -> float:
    right = np.where(truth, probabilities, 1 - probabilities)
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def _bootstrap(truth: Array, probabilities: Array) -> Interval:
    random = np.random.default_rng(0)
    draws = (random.integers(len(truth), size=len(truth)) for _ in range(RESAMPLES))
    means = [mean_average_precision(truth[draw], probabilities[draw]) for draw in draws]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
