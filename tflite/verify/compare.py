"""Models side by side, on the real evaluation pipeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keras_resnets._common.console import progress
from keras_resnets._common.phone_report import FileRow, KerasRow, PhoneReport
from keras_resnets.card import LABEL_THRESHOLD, Card
from keras_resnets.data import ImageData, evaluation_batches
from keras_resnets.errors import UserError

from ..file.card import FileCard
from .subject import Subject

BATCH = 32


@dataclass(frozen=True)
class Probabilities:
    """What a model and others say of the same images.

    Attributes:
        labels: Labels of the images, `(images,)`; `(images, classes)`, 0 or 1, where an image has
            any number of them.
        reference: Probabilities of the model, `(images, classes)`.
        others: The same of each other, by its name.
    """

    labels: np.ndarray
    reference: np.ndarray
    others: Mapping[str, np.ndarray]

    def right(self, found: np.ndarray) -> np.ndarray:
        """Of each image, whether its class is the most probable, or all its labels are told."""
        return self._whole(self._decided(found) == self.labels)

    def accuracy(self, found: np.ndarray) -> float:
        """The share of images that are right."""
        return float(np.mean(self.right(found)))

    def differs(self, name: str) -> np.ndarray:
        """Of each image, whether another says something else of it than the model."""
        return ~self._whole(self._decided(self.others[name]) == self._decided(self.reference))

    def agreement(self, name: str) -> float:
        """The share of images of which another says the same as the model."""
        return float(np.mean(~self.differs(name)))

    def largest_difference(self, name: str) -> float:
        """Of any class of any image."""
        return float(np.max(np.abs(self.others[name] - self.reference)))

    def _whole(self, same: np.ndarray) -> np.ndarray:
        """Of each image, whether all that is decided about it is the same."""
        return same if self.labels.ndim == 1 else np.asarray(same.all(-1))

    def _decided(self, found: np.ndarray) -> np.ndarray:
        return found.argmax(-1) if self.labels.ndim == 1 else found > LABEL_THRESHOLD


def compare(
    reference: Subject,
    others: Sequence[Subject],
    card: Card | FileCard,
    data: ImageData,
    *,
    split: str,
    limit: int | None,
) -> Probabilities:
    """Runs models on the same images, batch by batch.

    Args:
        reference: The model that the others are compared with.
        others: The others, each with a name of its own.
        card: The preprocessing and the classes of those that have no card.
        data: Source of the images, with the card's classes.
        split: Name of the split to read.
        limit: How many at most, rounded up to whole batches; `None` for all.

    Raises:
        UserError: Where two are of other classes.
    """
    import tensorflow as tf

    subjects = [reference, *others]
    orders = [_order(subject, card) for subject in subjects]
    transforms = [(subject.card or card).preprocessing for subject in subjects]
    distinct = list(dict.fromkeys(transforms))
    count = -(-min(limit or data.sizes[split], data.sizes[split]) // BATCH)
    batches = tf.data.Dataset.zip(
        tuple(evaluation_batches(data, split, one, BATCH) for one in distinct)
    ).take(count)
    labels: list[np.ndarray] = []
    said: list[list[np.ndarray]] = [[] for _ in subjects]
    answers = (
        (views, place) for views in batches.as_numpy_iterator() for place in range(len(subjects))
    )
    steps = count * len(subjects)
    for views, place in progress(answers, "comparing, batch of one model", steps):
        if place == 0:
            labels.append(views[0][1])
        images, _ = views[distinct.index(transforms[place])]
        said[place].append(subjects[place].says(images)[:, orders[place]])
    first, *rest = [np.concatenate(parts) for parts in said]
    names = [other.name for other in others]
    return Probabilities(np.concatenate(labels), first, dict(zip(names, rest, strict=True)))


def _order(subject: Subject, card: Card | FileCard) -> list[int] | slice:
    """Where the card's classes stand among those of a model."""
    names = card.class_names if subject.card is None else subject.card.class_names
    if names == card.class_names:
        return slice(None)
    if sorted(names) != sorted(card.class_names):
        strange = sorted(set(names) ^ set(card.class_names))
        raise UserError(
            "Expected models of the same classes. "
            f"Received: {subject.name}, with others: {', '.join(map(repr, strange[:5]))}."
        )
    return [names.index(name) for name in card.class_names]


def report(
    reference: Subject, others: Sequence[Subject], card: Card | FileCard, found: Probabilities
) -> PhoneReport:
    """Sums up a comparison; measures latencies.

    Args:
        reference, others, card: As `compare` was given them.
        found: Its result.
    """

    def median_ms(subject: Subject) -> float:
        shape = (subject.card or card).preprocessing.shape
        return subject.median_ms(np.zeros((1, *shape, 3), "float32"))

    return PhoneReport(
        KerasRow(
            accuracy=found.accuracy(found.reference),
            images=len(found.labels),
            median_ms=median_ms(reference),
            name=reference.name,
        ),
        tuple(_row(other, found, median_ms(other)) for other in others),
    )


def _row(subject: Subject, found: Probabilities, median_ms: float) -> FileRow:
    right, reference = found.right(found.others[subject.name]), found.right(found.reference)
    card = subject.card if isinstance(subject.card, FileCard) else None
    return FileRow(
        file=subject.name,
        format=card.format if card else "",
        accuracy=found.accuracy(found.others[subject.name]),
        agreement=found.agreement(subject.name),
        max_probability_difference=found.largest_difference(subject.name),
        bytes=subject.size,
        median_ms=median_ms,
        accelerated=subject.accelerated,
        float_layers=card.float_layers if card else (),
        lost=int(np.sum(reference & ~right)),
        gained=int(np.sum(right & ~reference)),
    )
