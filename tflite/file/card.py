"""`FileCard`: what one must know to use a `.tflite` file of ours."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from keras_resnets.card import is_threshold
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing

Activation = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class FileCard:
    """How to use one file.

    Attributes:
        architecture: The constructor's name.
        format: The number format.
        float_layers: Layers that stay in float32 in an integer format.
        layers: The Keras layers in order. What an operator of the file gives is named `LAYER/…`.
        class_names: Names of the classes in the order of the outputs.
        takes_pixels: Whether the file takes pixels from 0 to 255 and normalises them itself, or
            normalised images.
        activation: What makes the classes' probabilities of the model's logits: `"softmax"`, or
            `"sigmoid"` where each class is answered for by itself.
        gives_logits: Whether the file's outputs are the logits, to which whoever reads them applies
            the activation, or the probabilities.
        preprocessing: The evaluation transform.
        provenance: Origin of the weights, free text by keyword.
        threshold: Probability of the first class below which the answer is "unsure", as in
            `keras_resnets.Card`; `None` where none was chosen.
        multi_label: Whether a photo shows any number of the classes, those of a probability above 0.5.
    """

    architecture: str
    format: str
    float_layers: tuple[str, ...]
    layers: tuple[str, ...]
    class_names: tuple[str, ...]
    takes_pixels: bool
    activation: Activation
    gives_logits: bool
    preprocessing: Preprocessing
    provenance: Mapping[str, str]
    threshold: float | None = None
    multi_label: bool = False

    def check(self, input_shape: Sequence[int], outputs: int) -> None:
        """Refuses a card that is another model's.

        Args:
            input_shape: `(batch, height, width, channels)` of the file.
            outputs: Number of the file's outputs.

        Raises:
            UserError: Where they differ from what the card says.
        """
        if len(self.class_names) != outputs:
            raise UserError(
                f"Expected a card of as many classes as the file has outputs, {outputs}. "
                f"Received: {len(self.class_names)} class names."
            )
        if self.preprocessing.shape != tuple(input_shape[1:3]):
            raise UserError(
                f"Expected a card of images as the file takes them, {tuple(input_shape[1:3])}. "
                f"Received: {self.preprocessing.shape}."
            )

    def to_json(self) -> str:
        """The text of `card.json`."""
        return json.dumps({**asdict(self), "preprocessing": self.preprocessing.to_dict()}, indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> "FileCard":
        """The inverse of `to_json`.

        Raises:
            UserError: Where the text is another.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"Expected a card in JSON. Received: {error}.") from error
        return _checked(values)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


# What each value of `card.json` must be, in words and as a test.
_RULES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "architecture": ("a text", lambda value: isinstance(value, str)),
    "format": ("a text", lambda value: isinstance(value, str)),
    "float_layers": ("a list of texts", _texts),
    "layers": ("a list of texts", _texts),
    "class_names": ("a list of texts", _texts),
    "takes_pixels": ("true or false", lambda value: isinstance(value, bool)),
    "activation": (
        f"one of {', '.join(get_args(Activation))}",
        lambda value: value in get_args(Activation),
    ),
    "gives_logits": ("true or false", lambda value: isinstance(value, bool)),
    "preprocessing": ("an object", lambda value: isinstance(value, dict)),
    "provenance": ("an object", lambda value: isinstance(value, dict)),
    "threshold": ("a number from 0 to 1, or null", is_threshold),
    "multi_label": ("true or false", lambda value: isinstance(value, bool)),
}
# What stands for a key that files of before do not have.
_LATER: dict[str, Any] = {"threshold": None, "multi_label": False}


def _checked(values: Any) -> FileCard:
    if not isinstance(values, dict) or set(_LATER | values) != set(_RULES):
        found = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise UserError(
            f"Expected a card with the keys {sorted(_RULES)}. Received: {found}. "
            "A file of another version of this package must be exported again."
        )
    values = _LATER | values
    for name, (rule, holds) in _RULES.items():
        if not holds(values[name]):
            raise UserError(
                f"Expected a card with {name} being {rule}. Received: {values[name]!r:.60}."
            )
    tuples = [field.name for field in fields(FileCard) if isinstance(values[field.name], list)]
    return FileCard(
        **{
            **values,
            **{name: tuple(values[name]) for name in tuples},
            "preprocessing": Preprocessing.from_dict(values["preprocessing"]),
        }
    )
