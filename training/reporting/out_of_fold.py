"""Predictions of photos by classifiers that did not learn from them."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np

from keras_resnets._common.files import written_aside
from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.photos import near_duplicates

from ..inference import in_inference
from .evaluate import answers

FOLDS = 5

Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class OutOfFold:
    """What photos were taken for by classifiers that learned from the others.

    Attributes:
        splits: Split of each photo.
        positions: Place of each photo in its split's fixed order, `(photos,)`.
        labels: Class of each photo, as it is labelled, `(photos,)`.
        probabilities: Probabilities of the classes, `(photos, classes)`.
        digest: Digest of the data that the places are of.
    """

    splits: tuple[str, ...]
    positions: Array
    labels: Array
    probabilities: Array
    digest: str = ""

    def save(self, path: Path) -> None:
        """Writes them as a NumPy archive."""
        arrays: dict[str, Any] = {**vars(self), "splits": np.array(self.splits)}
        with written_aside(path) as aside:
            np.savez(aside, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        splits = tuple(map(str, arrays.pop("splits")))
        return cls(splits, digest=str(arrays.pop("digest")), **arrays)


def groups_of(data: ImageData, splits: Sequence[str]) -> tuple[Array, Array]:
    """Labels of the photos of some splits, in order, and numbers that near duplicates share."""
    pairs = [
        (hashlib.sha256(encoded).hexdigest(), label)
        for split in splits
        for encoded, label in data.examples(split, decode=False).as_numpy_iterator()
    ]
    hashes, labels = zip(*pairs, strict=True)
    groups = np.unique(hashes, return_inverse=True)[1]
    photos = [photo for split in splits for photo in data.photos.get(split, ())]
    for near in near_duplicates(
        [photo.look for photo in photos], [photo.class_names[0] for photo in photos]
    ):
        groups[np.isin(groups, groups[near])] = groups[near].min()
    return np.array(labels), groups


def folds_of(labels: Array, groups: Array, folds: int = FOLDS) -> Array:
    """The fold of each photo: every class in each as evenly as can be, copies together.

    Args:
        labels: Class of each photo, `(photos,)`.
        groups: Number that photos share which are to be in one fold, `(photos,)`.
        folds: Number of folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    fold_of = np.empty(len(labels), int)
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=0).split
    for fold, (_, held) in enumerate(split(labels, labels, groups)):
        fold_of[held] = fold
    return fold_of


def by_features(
    network: keras.Model,
    card: Card,
    data: ImageData,
    batch_size: int | None = None,
    *,
    labels: Array | None = None,
) -> OutOfFold:
    """Five-fold logistic regressions on the features that a network has of all photos.

    Photos of a class that has fewer than five are left out.

    Args:
        network: The network, whose last layer is a classifier.
        card: Its preprocessing.
        data: The photos, one class each.
        batch_size: Number of photos at a time; by default as many as `images_at_once` says.
        labels: Other labels than the photos have, `(photos,)`, in the order of the splits.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    splits = [split for split in _distinct(data) if data.sizes[split]]
    to_features = in_inference(keras.Model(network.inputs, network.layers[-1].input))
    vectors = np.concatenate(
        [
            answers(lambda images: to_features(images).numpy(), card, data, split, batch_size)[0]
            for split in splits
        ]
    )
    own, groups = groups_of(data, splits)
    labels = own if labels is None else labels
    judged = np.bincount(labels, minlength=len(data.class_names))[labels] >= FOLDS
    places = [(split, place) for split in splits for place in range(data.sizes[split])]
    places = [place for place, is_judged in zip(places, judged, strict=True) if is_judged]
    vectors, labels, groups = vectors[judged], labels[judged], groups[judged]

    found = np.zeros((len(labels), len(data.class_names)))
    fold_of = folds_of(labels, groups)
    for fold in range(FOLDS):
        held = fold_of == fold
        # Features in hundreds, photos in hundreds: little freedom, or all photos are told apart.
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
        model.fit(vectors[~held], labels[~held])
        found[np.ix_(held, model.classes_)] = model.predict_proba(vectors[held])
    names, positions = zip(*places, strict=True)
    return OutOfFold(names, np.array(positions), labels, found, data.digest)


def _distinct(data: ImageData) -> tuple[str, ...]:
    """The splits of which none is another's photos again."""
    return ("train", "validation") if data.test_is_validation else ("train", "validation", "test")
