"""Photos whose label is probably wrong: classifiers that did not learn from them contradict it."""

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from keras_resnets._common.console import on_one_line
from keras_resnets._common.files import write_text
from keras_resnets._common.pictures import Shown, page, save
from keras_resnets.card import Card
from keras_resnets.data import ImageData

from ..run.folder import SUSPECTS, SUSPECTS_SEEN
from .out_of_fold import Array, OutOfFold
from .seen import save_seen
from .single import as_seen, for_page

if TYPE_CHECKING:
    import keras

SHOWN = 48  # in the picture
SEEN = 12  # on the run's page, under heat maps


@dataclasses.dataclass(frozen=True)
class Suspect:
    """A photo whose label is probably wrong.

    Attributes:
        split: Its split.
        position: Its place in the split's fixed order, from 0.
        file: Its path, with what no text can hold escaped; empty where the images are not files.
        label: The class that it is labelled as.
        label_probability: Probability of that class.
        suggested: The class that it is taken for.
        probability: Probability of that one.
    """

    split: str
    position: int
    file: str
    label: str
    label_probability: float
    suggested: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Suspects:
    """What was found of wrong labels.

    Attributes:
        photos: Number of photos that were judged.
        suspects: Photos whose label is probably wrong, the most doubtful first.
    """

    photos: int
    suspects: list[Suspect]

    def save(self, path: Path) -> None:
        """Writes them as JSON."""
        write_text(path, json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads what `save` wrote."""
        values = json.loads(path.read_text("utf-8"))
        return cls(values["photos"], [Suspect(**each) for each in values["suspects"]])


def suspicious(labels: Array, probabilities: Array) -> Array:
    """Places of the photos whose labels are probably wrong, the most doubtful first.

    By confident learning (Northcutt, Jiang & Chuang, 2021, https://arxiv.org/abs/1911.00068), as
    cleanlab has it: those that both of its rules name, which prune by class and by noise rate.

    Args:
        labels: Labels, `(photos,)`.
        probabilities: Probabilities of the classes by classifiers that did not learn from the photo,
            `(photos, classes)`.
    """
    from cleanlab.filter import find_label_issues

    present, renumbered = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return np.array([], int)
    shares = probabilities[:, present]
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    found = find_label_issues(
        renumbered, shares, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return np.asarray(found, int)


def suspects_of(predictions: OutOfFold, data: ImageData) -> list[Suspect]:
    """The photos whose labels are probably wrong, the most doubtful first."""
    labels, probabilities = predictions.labels, predictions.probabilities
    suspects = []
    for index in suspicious(labels, probabilities):
        split, position = predictions.splits[index], int(predictions.positions[index])
        taken = int(probabilities[index].argmax())
        files = data.photos.get(split, ())
        suspects.append(
            Suspect(
                split,
                position,
                on_one_line(files[position].path) if files else "",
                data.class_names[labels[index]],
                round(float(probabilities[index, labels[index]]), 4),
                data.class_names[taken],
                round(float(probabilities[index, taken]), 4),
            )
        )
    return suspects


def write_suspects(
    run: Path,
    suspects: Sequence[Suspect],
    data: ImageData,
    model: "keras.Model",
    card: Card,
    *,
    photos: int,
) -> None:
    """Writes what was found of wrong labels into a run's folder.

    These are `suspects.json`, `suspects.png` with the first ones, and the very first in `suspects/`,
    each under the heat map of the class that it is taken for.

    Args:
        run: The folder.
        suspects: The photos whose labels are probably wrong.
        data: The images they are of, with the run's classes.
        model: The run's model.
        card: The model's card.
        photos: Number of photos that were judged.
    """
    Suspects(photos, list(suspects)).save(run / SUSPECTS)
    first = suspects[:SHOWN]
    shown = [
        Shown(image, f"{each.label}?\n{each.suggested} {each.probability:.0%}", "firebrick")
        for each, image in zip(
            first, _images(first, functools.partial(for_page, data)), strict=True
        )
    ]
    read = functools.partial(as_seen, data, preprocessing=card.preprocessing)
    taken = [card.class_names.index(each.suggested) for each in first]
    save_seen(run / SUSPECTS_SEEN, model, card, taken[:SEEN], _images(first[:SEEN], read))
    save(
        page(shown, f"Labels to look at: {len(suspects)} of {photos} photos"), run / "suspects.png"
    )


def _images(
    suspects: Sequence[Suspect], read: Callable[[str, list[int]], list[Array]]
) -> list[Array]:
    """The image of each, where `read` gives those of one split: its images are gone through once."""
    images: dict[tuple[str, int], Array] = {}
    for split in {each.split for each in suspects}:
        places = [each.position for each in suspects if each.split == split]
        found = read(split, places)
        images |= {(split, place): image for place, image in zip(places, found, strict=True)}
    return [images[each.split, each.position] for each in suspects]
