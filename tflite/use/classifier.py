"""A file as something that names photos."""

import os
from pathlib import Path

import numpy as np

from keras_resnets.classifier import Answer, answer_of
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing

from ..file.card import Activation, FileCard
from ..file.packing import unpack
from ..file.reading import read_file
from ..file.runtime import Runner


class Classifier:
    """The model of one file with its classes and preprocessing. Many threads may share one.

    Attributes:
        card: The file's, or an assumed one.
        assumption: What was assumed, for the user; `None` where the file says it itself.

    Args:
        content: The file's bytes.
        flip: Whether an answer is the mean over the photo and its mirror image.

    Raises:
        UserError: Where they are no model, or its card is another's.
    """

    def __init__(self, content: bytes, *, flip: bool = False):
        self.flip = flip
        self._runner = Runner(content)
        card = unpack(content)
        self.assumption = None
        if card is None:
            card = _assumed(self._runner)
            self.assumption = (
                "the file has no card: assumed RGB, the centre cut out, ImageNet's mean and standard "
                f"deviation, {'logits' if card.gives_logits else 'probabilities'} of "
                f"{len(card.class_names)} classes without names"
            )
        card.check(self._runner.input_shape, self._runner.classes)
        self.card = card

    @classmethod
    def load(cls, path: Path, *, flip: bool = False) -> "Classifier":
        """Opens a `.tflite` file.

        Raises:
            MissingFile: Where there is none.
            UserError: Where it is no model.
        """
        return cls(read_file(path), flip=flip)

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """The probability of every class, `(n, classes)`, for what the file takes.

        Args:
            images: `(n, height, width, 3)`: pixels, or normalised images in float32.

        Raises:
            UserError: Where the file answers with NaN or infinity.
        """
        outputs = self._runner(images)
        if not np.isfinite(outputs).all():
            raise UserError(
                "Expected a finite number for each class. Received: NaN or infinity. The file's weights "
                "are broken: export it again."
            )
        return applied(self.card.activation, outputs) if self.card.gives_logits else outputs

    def probabilities(self, photo: bytes | str | os.PathLike[str]) -> np.ndarray:
        """The probability of every class, `(classes,)`, for a photo.

        Args:
            photo: The path of an image file, or its content.

        Raises:
            UserError: Where it is no image.
        """
        preprocessing = self.card.preprocessing
        pixels = preprocessing.read(photo)
        image = pixels if self.card.takes_pixels else preprocessing.normalize(pixels)
        views = [image, image[:, ::-1]] if self.flip else [image]
        return np.asarray(self.of_images(np.stack(views)).mean(axis=0))

    def answer(self, photo: bytes | str | os.PathLike[str], *, top: int = 5) -> Answer:
        """What a photo is taken for: the most probable classes, and whether surely."""
        values = self.probabilities(photo)
        return answer_of(
            values,
            self.card.class_names,
            self.card.threshold,
            top=top,
            multi_label=self.card.multi_label,
        )

    def classify(
        self, photo: bytes | str | os.PathLike[str], *, top: int = 5
    ) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, the highest first."""
        return list(self.answer(photo, top=top).classes)


def applied(activation: Activation, logits: np.ndarray) -> np.ndarray:
    """The probabilities of logits `(n, classes)`.

    Example:
        >>> applied("softmax", np.array([[1000.0, 1000.0]]))
        array([[0.5, 0.5]])
    """
    if activation == "sigmoid":
        return np.asarray((1 + np.tanh(logits / 2)) / 2)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _assumed(runner: Runner) -> FileCard:
    _, height, width, channels = runner.input_shape
    grey = np.full((1, height, width, channels), 128 if runner.types[0] == "uint8" else 0)
    (outputs,) = runner(grey.astype(runner.types[0]))
    probabilities = outputs.min() >= 0 and abs(outputs.sum() - 1) < 0.01
    return FileCard(
        architecture="unknown",
        format="unknown",
        float_layers=(),
        layers=(),
        class_names=tuple(f"class {index}" for index in range(runner.classes)),
        takes_pixels=runner.types[0] == "uint8",
        activation="softmax",
        gives_logits=not probabilities,
        preprocessing=Preprocessing(size=(height, width)),
        provenance={},
    )
