"""What a run's folder holds of what its page shows. What is not there is `None` or empty."""

import base64
import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_resnets._common.phone_report import REPORT, PhoneReport
from keras_resnets.card import Card

from ...config import Config
from ...run.folder import (
    BEST,
    CHECK,
    EVALUATION,
    FOLDS_EVALUATION,
    MISTAKES,
    SUSPECTS,
    SUSPECTS_SEEN,
    is_finished,
    is_marked,
    read_config,
    read_rows,
)
from ...run.origin import Origin
from ..label_metrics import LabelEvaluation, load
from ..metrics import Evaluation
from ..seen import heat_name, photo_name
from ..suspects import Suspects
from .charts import Row
from .findings import ShownFinding, read_findings

MOST_PAIRS = 12  # of classes that are taken for each other


@dataclasses.dataclass(frozen=True)
class Doubted:
    """A photo that was taken for another class than it is labelled as.

    Attributes:
        photo: The photo as a `data:` URI.
        heat: The same under the heat map of the class that it was taken for.
        label: Name of the class that it is labelled as.
        predicted: Name of the class that it was taken for.
        confidence: Probability of that class.
    """

    photo: str
    heat: str
    label: str
    predicted: str
    confidence: float


@dataclasses.dataclass(frozen=True)
class Confused:
    """Two classes of which one is taken for the other.

    Attributes:
        label: Name of the true class.
        predicted: Name of the other class.
        images: Number of images of the one that are taken for the other.
        rate: The same as a share of the images of the true class.
    """

    label: str
    predicted: str
    images: int
    rate: float


@dataclasses.dataclass(frozen=True)
class ComparedRun:
    """What is told of a run beside others.

    Attributes:
        folder: The run's folder, as the user names it.
        rows: The history, one row an epoch.
        config: Its configuration.
        evaluation: The numbers of its best model; `None` until it is finished.
        phone: How its phone files compare, or `None`.
    """

    folder: Path
    rows: Sequence[Row]
    config: Config
    evaluation: Evaluation | LabelEvaluation | None
    phone: PhoneReport | None

    @classmethod
    def read(cls, run: Path) -> "ComparedRun":
        """Reads it from a run's folder.

        Raises:
            UserError: Where a file of it is broken.
        """
        finished = is_finished(run)
        evaluation = load(run / EVALUATION) if finished else None
        return cls(run, read_rows(run), read_config(run), evaluation, _phone(run))


@dataclasses.dataclass(frozen=True)
class RunContent:
    """Everything that is known of a run.

    Attributes:
        folder: The run's folder, as the user names it.
        rows: The history, one row an epoch.
        evaluation: The numbers of its best model.
        config: Its configuration.
        card: The card of its best model, or `None`.
        origin: Where it comes from, or `None`.
        phone: How its phone files compare, or `None`.
        mistakes: The most confident ones.
        findings: What was found of the photos before training; `None` where nobody looked.
        suspects: What was found of wrong labels, or `None` where nobody looked.
        doubted: The first of these.
        folds: The numbers of a cross-validation, or `None`.
    """

    folder: Path
    rows: Sequence[Row]
    evaluation: Evaluation | LabelEvaluation
    config: Config
    card: Card | None
    origin: Origin | None
    phone: PhoneReport | None
    mistakes: Sequence[Doubted]
    findings: Sequence[ShownFinding] | None
    suspects: Suspects | None
    doubted: Sequence[Doubted]
    folds: Evaluation | None

    @property
    def photos(self) -> str | None:
        """The folder of its photos; `None` where they came by name, or nobody knows."""
        return _source(self.card, "folder")

    @property
    def dataset(self) -> str | None:
        """The name by which its images came; `None` where they are a folder, or nobody knows."""
        return _source(self.card, "dataset")

    @classmethod
    def read(cls, run: Path) -> "RunContent":
        """Reads what a run's folder holds.

        Raises:
            UserError: Where a file of it is broken.
        """
        evaluation = load(run / EVALUATION)
        card = Card.load(run / BEST) if (run / BEST).is_file() else None
        looked = (run / CHECK).is_file()
        suspects = Suspects.load(run / SUSPECTS) if (run / SUSPECTS).is_file() else None
        return cls(
            folder=run,
            rows=read_rows(run),
            evaluation=evaluation,
            config=read_config(run),
            card=card,
            origin=Origin.load(run) if is_marked(run) else None,
            phone=_phone(run),
            mistakes=_doubted(run / MISTAKES, _mistakes(evaluation)),
            findings=read_findings(run / CHECK, _source(card, "folder")) if looked else None,
            suspects=suspects,
            doubted=_doubted(run / SUSPECTS_SEEN, _suspected(suspects)),
            folds=_folds(run / FOLDS_EVALUATION),
        )

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def confused(self) -> list[Confused]:
        """The pairs of classes that are confused most, the largest shares of a class first."""
        if isinstance(self.evaluation, LabelEvaluation):
            return []
        names, scores = self.evaluation.class_names, self.evaluation.classes
        pairs = [
            Confused(names[row], names[column], count, count / scores[row].images)
            for row, counts in enumerate(self.evaluation.confusion)
            for column, count in enumerate(counts)
            if count and row != column
        ]
        return sorted(pairs, key=lambda pair: (-pair.rate, -pair.images))[:MOST_PAIRS]


def _phone(run: Path) -> PhoneReport | None:
    exported = run / "tflite" / REPORT
    return PhoneReport.load(exported) if exported.is_file() else None


def _source(card: Card | None, kind: str) -> str | None:
    data = (card and card.data) or {}
    return data.get(kind)


def _folds(path: Path) -> Evaluation | None:
    return Evaluation.load(path) if path.is_file() else None


def data_uri(image: Path) -> str:
    """The content of a WebP file, as a page may hold it."""
    return "data:image/webp;base64," + base64.b64encode(image.read_bytes()).decode()


Taken = tuple[str, str, float]  # the label, the class that was seen, and its probability


def _mistakes(evaluation: Evaluation | LabelEvaluation) -> list[Taken]:
    if isinstance(evaluation, LabelEvaluation):
        return []
    names = evaluation.class_names
    return [(names[it.label], names[it.predicted], it.confidence) for it in evaluation.mistakes]


def _suspected(suspects: Suspects | None) -> list[Taken]:
    found = suspects.suspects if suspects else []
    return [(it.label, it.suggested, it.probability) for it in found]


def _doubted(folder: Path, taken: Iterable[Taken]) -> list[Doubted]:
    """Those of which `save_seen` has left pictures."""
    found = []
    for index, (label, predicted, confidence) in enumerate(taken):
        photo, heat = folder / photo_name(index), folder / heat_name(index)
        if photo.is_file() and heat.is_file():
            found.append(Doubted(data_uri(photo), data_uri(heat), label, predicted, confidence))
    return found
