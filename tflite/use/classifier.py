"""A file as something that names photos."""

from pathlib import Path

import numpy as np

from keras_resnets.errors import UserError

from ..file.card import FileCard
from ..file.metadata import unpack
from ..file.runtime import Runner, read_file
from .photo import crop, normalize, read_photo, softmax


class Classifier:
    """The model of one file with its classes and preprocessing.

    Attributes:
        card: the file's, or an assumed one.
        assumption: what was assumed, for the user; `None` where the file says it itself.

    Args:
        content: the file's bytes.

    Raises:
        ValueError: where they are no model.
    """

    def __init__(self, content: bytes):
        self._runner = Runner(content)
        card = unpack(content)
        self.assumption = None
        if card is None:
            card = _assumed(self._runner)
            self.assumption = (
                "the file has no card: assumed RGB, the centre cut out, ImageNet's mean and standard "
                f"deviation, logits of {len(card.class_names)} classes without names"
            )
        self.card = card

    @classmethod
    def load(cls, path: Path) -> "Classifier":
        """Opens a `.tflite` file.

        Raises:
            FileNotFoundError: where there is none.
            ValueError: where it is no model.
        """
        return cls(read_file(path))

    def probabilities(self, photo: bytes) -> np.ndarray:
        """The probability of every class, `(classes,)`, for the content of an image file."""
        image = crop(_decoded(photo), self.card.preprocessing)
        if not self.card.takes_pixels:
            image = normalize(image, self.card.preprocessing)
        return softmax(self._runner(image[None])[0])

    def classify(self, photo: bytes, *, top: int = 5) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, the highest first."""
        probabilities = self.probabilities(photo)
        best = np.argsort(-probabilities, kind="stable")[:top]
        return [(self.card.class_names[i], float(probabilities[i])) for i in best]


def _decoded(photo: bytes) -> np.ndarray:
    try:
        return read_photo(photo)
    except (OSError, SyntaxError) as error:  # what Pillow raises
        raise UserError(f"Expected an image that Pillow can decode. Received: {error}") from error


def card_of(content: bytes) -> FileCard:
    """The card in a file, or what is assumed of a file without one."""
    return Classifier(content).card


def _assumed(runner: Runner) -> FileCard:
    _, height, width, _ = runner.input_shape
    return FileCard(
        architecture="unknown",
        mode="unknown",
        float_layers=(),
        class_names=tuple(f"class {index}" for index in range(runner.classes)),
        takes_pixels=runner.takes_pixels,
        preprocessing={
            "size": [height, width],
            "crop_fraction": 0.875,
            "interpolation": "bilinear",
            "antialias": True,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225],
        },
        provenance={},
    )
