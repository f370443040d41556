"""The model card: what a file of weights does not say about the model it holds.

It lies beside the model (`best.keras`, `best.card.json`), written by training and read by
whatever evaluates, predicts with or exports the model. `open_model` is how all of them come to both.
"""

import dataclasses
import difflib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets._common.files import read_json, write_text
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.preprocessing import Preprocessing, imagenet_classes

if TYPE_CHECKING:
    import keras


_LARGEST = 1 << 24  # bytes of a card; the 21,000 classes of ImageNet-21k take 600,000
_TYPES = {"architecture": str, "class_names": list, "preprocessing": dict, "provenance": dict}
_LATER = {
    "threshold": None,
    "multi_label": False,
}  # keys that cards of before do not have, with what stands for them


LABEL_THRESHOLD = 0.5  # of a label's probability, above which a photo is given it


class AssumptionWarning(UserWarning):
    """Something that a model's file does not say was assumed."""


@dataclasses.dataclass(frozen=True)
class Card:
    """What must be known to use a model.

    Attributes:
        architecture: The constructor's name, such as `"ResNeSt14"`.
        class_names: Names of the classes in the order of the logits.
        preprocessing: The evaluation transform.
        data: The arguments of `keras_resnets.data.open_data` that open what it was trained on;
            `None` where that is not at hand.
        provenance: Origin of the weights, free text by keyword: who made them, when, from what.
        threshold: Probability of the first class, from 0 to 1, below which the model's answer is
            "unsure": the photo may show none of the classes. `None` where none was chosen.
        multi_label: Whether a photo shows any number of the classes, and the model answers for each by
            itself: those of a probability above 0.5 are its labels.

    Example:
        >>> from keras_resnets import Card, Preprocessing
        >>> card = Card("ResNeSt14", ("cat", "dog"), Preprocessing(size=64))
        >>> card.class_names[1], card.preprocessing.size
        ('dog', 64)
    """

    architecture: str
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    data: Mapping[str, Any] | None = None
    provenance: Mapping[str, str] = dataclasses.field(default_factory=dict)
    threshold: float | None = None
    multi_label: bool = False

    def save(self, model_file: str | os.PathLike[str]) -> Path:
        """Writes the card of `model_file`, whole or not at all, and returns its path."""
        path = card_path(model_file)
        write_text(path, self.to_json())
        return path

    def to_json(self) -> str:
        """What `save` writes."""
        values = {
            "architecture": self.architecture,
            "class_names": list(self.class_names),
            "preprocessing": self.preprocessing.to_dict(),
            "data": None if self.data is None else dict(self.data),
            "provenance": dict(self.provenance),
            "threshold": self.threshold,
            "multi_label": self.multi_label,
        }
        return json.dumps(values, indent=2, ensure_ascii=False)

    def public(self) -> "Card":
        """The card as it may be handed on: of where its photos lie, only a data set's name is left."""
        name = (self.data or {}).get("dataset")
        return dataclasses.replace(self, data={"dataset": name} if name else None)

    @classmethod
    def load(cls, model_file: str | os.PathLike[str]) -> "Card":
        """Reads the card of `model_file`.

        Raises:
            MissingFile: Where the model has no card.
            UserError: Where the file is no card.
        """
        path = card_path(model_file)
        if not path.is_file():
            raise MissingFile(
                f"Expected a model card beside {model_file}: its classes and preprocessing are not "
                f"known without it. Received: no file {path}. Training writes one; "
                "`keras_resnets.card.Card(...).save(model_file)` makes one by hand."
            )
        values = read_json(path, "a model card", most=_LARGEST)
        try:
            return cls._from_dict(values)
        except (ValueError, TypeError) as error:
            raise UserError(f"Expected a model card. Received: {path}: {error}") from error

    @classmethod
    def _from_dict(cls, values: Any) -> "Card":
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(_LATER | values) != names:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise UserError(f"expected the keys {sorted(names)}, found {found}")
        values = _LATER | values
        for name, expected in _TYPES.items():
            if not isinstance(values[name], expected):
                raise UserError(f"expected {name} to be a {expected.__name__}")
        if not all(isinstance(name, str) for name in values["class_names"]):
            raise UserError("expected class_names to be texts")
        if not isinstance(values["data"], dict | None):
            raise UserError("expected data to be a dict or null")
        if not is_threshold(values["threshold"]):
            raise UserError("expected threshold to be a number from 0 to 1, or null")
        if not isinstance(values["multi_label"], bool):
            raise UserError("expected multi_label to be true or false")
        return cls(
            **{
                **values,
                "class_names": tuple(values["class_names"]),
                "preprocessing": Preprocessing.from_dict(values["preprocessing"]),
            }
        )


def is_threshold(value: object) -> bool:
    """Whether a value is one that `Card.threshold` takes: a number from 0 to 1, or `None`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is None
    return 0 <= value <= 1


def card_path(model_file: str | os.PathLike[str]) -> Path:
    """`runs/demo/best.card.json` for `runs/demo/best.keras`."""
    return Path(model_file).with_suffix(".card.json")


def find_model(run_or_model: str | os.PathLike[str]) -> Path:
    """The model file that the user means.

    Args:
        run_or_model: A `.keras` file, a run folder, which stands for its `best.keras`, or a model on
            the hub, `hf://user/name`, which is fetched.

    Raises:
        MissingFile: Where there is none.
        DownloadError: For a model on the hub that cannot be fetched.
    """
    from keras_resnets.weights import fetch_shared, is_shared

    if is_shared(run_or_model):
        return fetch_shared(run_or_model)
    path = Path(run_or_model)
    model = path / "best.keras" if path.is_dir() else path
    if model.suffix == ".keras" and model.is_file():
        return model
    raise MissingFile(
        "Expected a .keras file, or a run folder with best.keras in it. "
        f"Received: {run_or_model}: {_found(path)}"
    )


def _found(path: Path) -> str:
    if path.is_dir():
        return f"a folder that holds {sorted(p.name for p in path.iterdir())[:10]}"
    if path.exists():
        return "a file of another kind"
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    hint = f". Did you mean {path.with_name(near[0])}?" if near else ""
    return f"no such file or folder{hint}"


def open_model(
    name_or_path: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = "imagenet",
    classes: int | Sequence[str] | None = None,
) -> tuple["keras.Model", Card]:
    """Opens a model and its card, in whichever way the user names it.

    Args:
        name_or_path: A run folder, which stands for its `best.keras`; a `.keras` file with its card;
            a model on the hub, `"hf://user/name"`; or a network's name, ours or timm's, in any letter
            case. What is there as a file or folder is taken for that.
        weights: Weights of a network that is named: `"imagenet"`, a tag, a file or `None`, as its
            constructor takes them. With weights of a file the card beside that file holds; without
            one, the usual preprocessing is assumed, with an `AssumptionWarning`.
        classes: Number of classes of a network that is named, or their names, by default those of its
            weights. Where the weights have another number, the classifier is new, with a
            `FreshHeadWarning`.

    Returns:
        The `keras.Model`, not compiled, and its `Card`, with as many class names as it has classes.

    Raises:
        MissingFile: Where there is no such file, or no card beside it.
        UserError: For an unknown name or weights, a file that is broken, or a card of another model.

    Example:
        >>> model, card = keras_resnets.open_model("ReXNet100", weights=None)
        >>> card.preprocessing.size, len(card.class_names)
        (224, 1000)
    """
    path = Path(name_or_path)
    if path.exists() or path.suffix == ".keras" or len(path.parts) > 1:
        if weights != "imagenet" or classes is not None:
            received = f"weights={os.fspath(weights) if weights else None!r}"
            raise UserError(
                "Expected weights and classes with the name of a network alone: a run or file has its "
                f"own. Received: {name_or_path} and {received if classes is None else 'classes'}."
            )
        return _from_file(find_model(path))
    return _by_name(os.fspath(name_or_path), weights, classes)


def _from_file(path: Path) -> tuple["keras.Model", Card]:
    from keras_resnets.weights import load_keras

    card = Card.load(path)
    model = load_keras(path)
    check_fits(card, model, os.fspath(path))
    return model, card


def check_fits(card: Card, model: "keras.Model", named: str) -> None:
    """Refuses a card of another model.

    Args:
        card: The card.
        model: A model that knows its shapes.
        named: What to call the model.

    Raises:
        UserError: Where the card has other classes, or makes images of another shape.
    """
    classes = model.output_shape[-1]
    # One output with a sigmoid tells two classes apart.
    if len(card.class_names) not in {classes, max(classes, 2)}:
        raise UserError(
            f"Expected a card of as many classes as {named} has outputs, {classes}. "
            f"Received: {len(card.class_names)} class names. Give it its own card."
        )
    taken, given = tuple(model.inputs[0].shape[1:3]), card.preprocessing.shape
    fits = len(taken) == 2 and all(
        side in (None, made) for side, made in zip(taken, given, strict=True)
    )
    if not fits:
        sides = "x".join(str(side or "any") for side in taken)
        raise UserError(
            f"Expected a card whose preprocessing makes images of {sides} pixels, as {named} takes "
            f"them. Received: {given[0]}x{given[1]}. Give it its own card."
        )


def _by_name(
    name: str, weights: str | os.PathLike[str] | None, classes: int | Sequence[str] | None
) -> tuple["keras.Model", Card]:
    from keras_resnets import models
    from keras_resnets.weights import download, fetch_shared, is_shared, registered_checkpoint

    if weights is not None and is_shared(weights):
        weights = fetch_shared(weights)
    try:
        variant = models.model_info(name).name
    except UserError as error:
        raise UserError(f"{error} Nor is there a file or folder of that name.") from None
    checkpoint = registered_checkpoint(variant, weights)
    provenance = {"weights": str(weights)}
    beside = None
    if checkpoint is not None:
        provenance |= {"checkpoint": checkpoint.name, "licence": checkpoint.licence}
        download(checkpoint.source)  # a hub out of reach is told before Keras takes its seconds
    elif weights is not None and card_path(weights).is_file():
        beside = Card.load(weights)
    known = checkpoint or beside
    preprocessing = known.preprocessing if known else Preprocessing()
    count = classes if isinstance(classes, int | None) else len(classes)
    model = models.create_model(
        variant, weights=weights, input_shape=(*preprocessing.shape, 3), classes=count
    )
    if not isinstance(classes, int | None):
        names = tuple(classes)
    elif weights is None or checkpoint is not None:
        names = class_names(model.output_shape[-1])
    else:
        names = _names_in_file(Path(weights), model.output_shape[-1], beside)
    return model, Card(variant, names, preprocessing, provenance=provenance)


def _names_in_file(path: Path, classes: int, beside: Card | None) -> tuple[str, ...]:
    """The classes of a network by name: the card's beside its file, the file's own, or numbers."""
    from keras_resnets.weights import read_tensor_file

    stored = beside.class_names if beside else read_tensor_file(path).class_names
    named = stored is not None and len(stored) == classes
    names = stored if stored is not None and named else class_names(classes)
    assumed = []
    if beside is None:
        usual = Preprocessing()
        assumed.append(
            f"{usual.size} pixels, {usual.interpolation}, ImageNet's mean and standard deviation"
        )
    if not named and classes == len(imagenet_classes()):
        assumed.append("ImageNet's classes")
    if assumed:
        warnings.warn(
            f"{path} does not tell how it was trained: assumed {', '.join(assumed)}. A card beside it, "
            f"{card_path(path).name}, would say it.",
            AssumptionWarning,
            stacklevel=4,
        )
    return names


def class_names(classes: int) -> tuple[str, ...]:
    """The names of classes that nobody named: ImageNet's where there are 1000, else their numbers.

    Args:
        classes: How many there are, 1 or more.

    Example:
        >>> keras_resnets.card.class_names(2)
        ('class 0', 'class 1')
    """
    known = imagenet_classes()
    if classes == len(known):
        return tuple(name for _, name in known)
    return tuple(f"class {index}" for index in range(classes))
