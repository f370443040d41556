"""Numbers that say how good predictions are, with 95 % intervals.

The calibration error and its interval are worked out here: scikit-learn has neither.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from keras_resnets._common.files import write_text
from keras_resnets._common.shares import wilson

if TYPE_CHECKING:
    from ..run.calibration import Activation

BINS = 15
RESAMPLES = 200
K = 5  # of "top-5"
MOST_MISTAKES = 24  # that are remembered

Array = np.ndarray[Any, Any]
Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Headline:
    """The one number that says how good a model is.

    Attributes:
        name: What it measures.
        value: The share, in [0, 1].
        interval: Bounds of the share.
    """

    name: str
    value: float
    interval: Interval


@dataclasses.dataclass(frozen=True)
class ClassScore:
    """How one class fares.

    Attributes:
        name: The class's name.
        precision: Share of the images taken for it that are of it; 0 where there are none.
        recall: Share of its images that are taken for it; 0 where there are none.
        images: Number of its images.
    """

    name: str
    precision: float
    recall: float
    images: int


@dataclasses.dataclass(frozen=True)
class ConfidenceBin:
    """The images of which the model is about as sure.

    Attributes:
        images: Number of images whose confidence lies in the bin, a fifteenth of the range.
        confidence: Mean of their confidence; 0 where there are none.
        right: Share of them that are right; 0 where there are none.
    """

    images: int
    confidence: float
    right: float


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An image that was taken for another class.

    Attributes:
        position: The image's place in the split, in its fixed order, from 0.
        label: Number of the true class.
        predicted: Number of the class it was taken for.
        confidence: Probability of that class.
    """

    position: int
    label: int
    predicted: int
    confidence: float


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A model's predictions against the truth. Shares are in [0, 1], intervals of 95 %.

    Attributes:
        split: Split that was measured on: `"test"`, `"validation"` or `"train"`.
        images: Number of images.
        top1, top5: Shares of images whose class is the first, or among the first five.
        top1_interval, top5_interval: Bounds of these shares.
        loss: Mean cross-entropy, in nats.
        calibration_error: Expected calibration error (Guo et al., 2017).
        calibration_error_interval: Bounds of that error.
        cohen_kappa, matthews_correlation: Agreement beyond chance, 1 at best.
        confusion: Images by true class (row) and predicted class (column).
        classes: One score a class.
        bins: The images by confidence, from 0 to 1; none where the numbers are from before.
        mistakes: The most confident mistakes, the surest first.
        balanced_accuracy: Mean of the recalls of the classes that have images.
        balanced_accuracy_interval: Bounds of that mean.
        temperature: What the model's logits were divided by to calibrate it; `None` where they were
            not, and in files from before.
        calibration_error_before: The calibration error without that temperature.
        threshold: Probability of the first class below which the answer is "unsure"; `None` where
            the model has none.
        unsure: Share of the images that the model is unsure of.
        top1_of_sure: Share of the other images whose class is the first; `None` where there are none.
        top1_of_sure_interval: Bounds of that share.
        unknown: Number of images of each class that the model does not know. None of the numbers
            above counts them.
        unknown_unsure: Share of those images that the model is unsure of.
    """

    split: str
    images: int
    top1: float
    top1_interval: Interval
    top5: float
    top5_interval: Interval
    loss: float
    calibration_error: float
    calibration_error_interval: Interval
    cohen_kappa: float
    matthews_correlation: float
    confusion: list[list[int]]
    classes: list[ClassScore]
    bins: list[ConfidenceBin] = dataclasses.field(default_factory=list)
    mistakes: list[Mistake] = dataclasses.field(default_factory=list)
    balanced_accuracy: float | None = None
    balanced_accuracy_interval: Interval | None = None
    temperature: float | None = None
    calibration_error_before: float | None = None
    threshold: float | None = None
    unsure: float | None = None
    top1_of_sure: float | None = None
    top1_of_sure_interval: Interval | None = None
    unknown: dict[str, int] = dataclasses.field(default_factory=dict)
    unknown_unsure: float | None = None

    @property
    def class_names(self) -> list[str]:
        return [score.name for score in self.classes]

    @property
    def headline(self) -> Headline:
        return Headline("right", self.top1, self.top1_interval)

    @property
    def verdict(self) -> str:
        """`97.50% of 500 test images right (95 % interval 95.7% to 98.5%)`."""
        low, high = self.top1_interval
        return (
            f"{self.top1:.2%} of {self.images} {self.split} images right "
            f"(95 % interval {low:.1%} to {high:.1%})"
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
        scores = [ClassScore(entry.pop("class"), **entry) for entry in values.pop("classes")]
        bins = [ConfidenceBin(**entry) for entry in values.pop("bins", ())]
        mistakes = [Mistake(**entry) for entry in values.pop("mistakes", ())]
        return cls(**values, classes=scores, bins=bins, mistakes=mistakes)


def evaluate(
    probabilities: Array, labels: Array, class_names: Sequence[str], split: str
) -> Evaluation:
    """Measures predictions.

    Args:
        probabilities: Probabilities of the images' classes, `(images, classes)`.
        labels: True classes, `(images,)` integers.
        class_names: Names of the classes in the order of the columns.
        split: Split that the images are of.
    """
    from sklearn.metrics import confusion_matrix, top_k_accuracy_score

    images, classes = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    correct = predicted == labels
    top5 = images  # of five classes or fewer the right one is always among five
    if classes > K:
        top5 = int(
            top_k_accuracy_score(labels, probabilities, k=K, labels=range(classes), normalize=False)
        )
    right = probabilities[np.arange(images), labels]
    kappa, matthews = _agreement(labels, predicted)
    balanced, balanced_interval = balanced_accuracy(labels, correct)
    return Evaluation(
        split=split,
        images=images,
        top1=float(correct.mean()),
        top1_interval=wilson(int(correct.sum()), images),
        top5=top5 / images,
        top5_interval=wilson(top5, images),
        loss=float(-np.log(np.maximum(right, 1e-12)).mean()),
        calibration_error=calibration_error(confidence, correct),
        calibration_error_interval=_bootstrap(confidence, correct),
        cohen_kappa=kappa,
        matthews_correlation=matthews,
        confusion=confusion_matrix(labels, predicted, labels=range(classes)).tolist(),
        classes=_per_class(labels, predicted, class_names),
        bins=confidence_bins(confidence, correct),
        mistakes=_mistakes(labels, predicted, confidence),
        balanced_accuracy=balanced,
        balanced_accuracy_interval=balanced_interval,
    )


def with_temperature(
    result: Evaluation,
    probabilities: Array,
    labels: Array,
    temperature: float,
    activation: "Activation" = "softmax",
) -> Evaluation:
    """The evaluation with the calibration error that there was before a temperature."""
    # Keras takes seconds, and whoever reads numbers does without.
    from ..run.calibration import before_temperature

    raw = before_temperature(probabilities, temperature, activation)
    error = calibration_error(raw.max(axis=1), raw.argmax(axis=1) == labels)
    return dataclasses.replace(result, temperature=temperature, calibration_error_before=error)


def with_threshold(
    result: Evaluation, probabilities: Array, labels: Array, threshold: float
) -> Evaluation:
    """The evaluation with how often the model is unsure, and how often right where it is not."""
    sure = probabilities.max(axis=1) >= threshold
    right = int((probabilities.argmax(axis=1) == labels)[sure].sum())
    answered = int(sure.sum())
    return dataclasses.replace(
        result,
        threshold=threshold,
        unsure=1 - answered / len(labels),
        top1_of_sure=right / answered if answered else None,
        top1_of_sure_interval=wilson(right, answered) if answered else None,
    )


def balanced_accuracy(labels: Array, correct: Array) -> tuple[float, Interval]:
    """The mean recall of the classes that have images, and its interval.

    The interval puts Wilson's of the recalls together, as Zou, Huang & Zhang (2009) do for a sum of
    proportions: the distances from the recalls add up as the sides of a right angle do.
    """
    groups = [correct[labels == label] for label in np.unique(labels)]
    recalls = np.array([group.mean() for group in groups])
    bounds = np.array([wilson(int(group.sum()), len(group)) for group in groups])
    mean = float(recalls.mean())
    below, above = np.linalg.norm(bounds - recalls[:, None], axis=0) / len(groups)
    return mean, (mean - float(below), mean + float(above))


def _agreement(labels: Array, predicted: Array) -> tuple[float, float]:
    """Cohen's kappa and Matthews' correlation.

    Both are 0 where all images are of one class and taken for it, and chance says as much.
    """
    from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

    if len(np.union1d(labels, predicted)) == 1:
        return 0.0, 0.0
    return float(cohen_kappa_score(labels, predicted)), float(matthews_corrcoef(labels, predicted))


def confidence_bins(confidence: Array, correct: Array) -> list[ConfidenceBin]:
    """The images in equal bins of the confidence, as a calibration diagram shows them.

    Args:
        confidence: Probabilities of the predicted classes, `(images,)`.
        correct: Whether each prediction is right, `(images,)`.
    """
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    images = np.bincount(places, minlength=BINS)
    sure, right = (
        np.bincount(places, weights=values, minlength=BINS) / np.maximum(images, 1)
        for values in (confidence, correct)
    )
    return [
        ConfidenceBin(*entry)
        for entry in zip(images.tolist(), sure.tolist(), right.tolist(), strict=True)
    ]


def calibration_error(confidence: Array, correct: Array) -> float:
    """Expected calibration error over equal bins of the confidence (Guo et al., 2017)."""
    bins = confidence_bins(confidence, correct)
    return sum(b.images * abs(b.confidence - b.right) for b in bins) / len(confidence)


def _mistakes(labels: Array, predicted: Array, confidence: Array) -> list[Mistake]:
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    return [
        Mistake(int(i), int(labels[i]), int(predicted[i]), float(confidence[i])) for i in surest
    ]


def _bootstrap(confidence: Array, correct: Array) -> Interval:
    random = np.random.default_rng(0)
    draws = (random.integers(len(correct), size=len(correct)) for _ in range(RESAMPLES))
    errors = [calibration_error(confidence[draw], correct[draw]) for draw in draws]
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _per_class(labels: Array, predicted: Array, class_names: Sequence[str]) -> list[ClassScore]:
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, _, images = precision_recall_fscore_support(
        labels, predicted, labels=range(len(class_names)), zero_division=0.0
    )
    return [
        ClassScore(name, float(precise), float(recalled), int(count))
        for name, precise, recalled, count in zip(
            class_names, precision, recall, images, strict=True
        )
    ]
