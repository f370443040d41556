"""A trained network that teaches another one (Hinton et al., 2015): which one, and what it says.

The student's loss is `(1 - weight) * loss + weight * temperature**2 * KL(teacher || student)`, both
softened by the temperature. Which teacher it is can be told without TensorFlow.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnets.card import Card, find_model
from keras_resnets.data import classes_of
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.preprocessing import Preprocessing

from . import recipe
from .config import Config, Distillation

if TYPE_CHECKING:
    from .objective import Objective


def identified(config: Config) -> Config:
    """The configuration with the teacher's file by its absolute path and its digest.

    Raises:
        MissingFile: Where there is no such run or file.
        UserError: Where it tells other classes apart than the images have, or is another file than the
            configuration says.
    """
    settings = config.teacher
    if settings is None:
        return config
    file = _file(settings)
    _check_classes(Card.load(file), file, config)
    values = config.model_dump(mode="json")
    values["teacher"] |= {"model": str(file), "sha256": _checked_digest(settings, file)}
    return recipe.configure(values)


def _file(settings: Distillation) -> Path:
    try:
        return find_model(settings.model).resolve()
    except MissingFile as error:
        raise MissingFile(f"{error} If the teacher was moved: --teacher RUN.") from None


def _checked_digest(settings: Distillation, file: Path) -> str:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if settings.sha256 not in (None, found):
        raise UserError(
            f"Expected the teacher that the run began with, sha256 {str(settings.sha256)[:12]}…. "
            f"Received: {file}, sha256 {found[:12]}…, another one. Give that one back by --teacher, or "
            "train a new run."
        )
    return found


def _check_classes(card: Card, file: Path, config: Config) -> None:
    """Refuses a teacher of other classes, before a photo is opened."""
    names, multi_label = classes_of(**config.data.arguments())
    if set(names) != set(card.class_names):
        unknown = sorted(set(names) - set(card.class_names))
        further = sorted(set(card.class_names) - set(names))
        parts = [
            f"{word} {', '.join(found[:10])}{', …' if len(found) > 10 else ''}"
            for word, found in (("without", unknown), ("with also", further))
            if found
        ]
        raise UserError(
            f"Expected a teacher of the photos' {len(names)} classes. Received: {file} "
            f"{' and '.join(parts)}. Train the teacher on these photos, or others of their classes."
        )
    if multi_label != card.multi_label:
        kinds = {True: "any number of labels", False: "one class"}
        raise UserError(
            f"Expected a teacher that gives each photo {kinds[multi_label]}, as the photos have it. "
            f"Received: {file}, which gives {kinds[card.multi_label]}."
        )


class Teacher:
    """What a trained network says of the images that a student sees.

    Make it in `strategy.scope()`. Its weights are no part of the run's state.

    Args:
        settings: The recipe's settings of the teacher, `identified`.
        class_names: Names of the student's classes, in the order of its logits.
        seen: Preprocessing by which the student's images were normalised.

    Raises:
        UserError: Where the file holds no network with one output a class.
    """

    def __init__(self, settings: Distillation, class_names: Sequence[str], seen: Preprocessing):
        from keras_resnets import open_model
        from keras_resnets.classifier import activation

        file = _file(settings)
        self.model, self.card = open_model(file)
        if self.model.output_shape[-1] != len(class_names):
            raise UserError(
                f"Expected a teacher with an output for each of the {len(class_names)} classes. "
                f"Received: {file} with {self.model.output_shape[-1]}."
            )
        self.model.trainable = False
        self.weight, self.temperature = settings.weight, settings.temperature
        self._seen = seen
        self._activation = activation(self.model)
        self._order = [self.card.class_names.index(name) for name in class_names]

    def logits(self, images: Any) -> Any:
        """The teacher's logits `(images, classes)` of the student's images, in the student's order.

        Args:
            images: Images as the student sees them, augmented and normalised, `(n, height, width, 3)`.
        """
        import tensorflow as tf

        outputs = tf.cast(self.model(self._as_seen(images), training=False), tf.float32)
        outputs = tf.gather(outputs, self._order, axis=-1)
        if self._activation == "linear":
            return outputs
        # A softmax of logarithms of probabilities is one of the logits, whatever the temperature.
        logarithms = tf.math.log(tf.maximum(outputs, 1e-37))
        if self._activation == "softmax":
            return logarithms
        return logarithms - tf.math.log(tf.maximum(1 - outputs, 1e-7))

    def losses(self, objective: "Objective", taught: Any, logits: Any, losses: Any) -> Any:
        """The losses with the teacher's share in them, `(images,)`.

        Args:
            objective: What the student learns to say.
            taught: The teacher's logits, `(images, classes)`.
            logits: The student's logits.
            losses: The student's losses against the targets, `(images,)`.
        """
        scale = self.temperature
        divergence = objective.divergence(taught / scale, logits / scale)
        return (1 - self.weight) * losses + self.weight * scale**2 * divergence

    def _as_seen(self, images: Any) -> Any:
        """The student's images by the teacher's own preprocessing: its size, mean and deviation."""
        import tensorflow as tf

        own, seen = self.card.preprocessing, self._seen
        if (own.shape, own.mean, own.std) == (seen.shape, seen.mean, seen.std):
            return images
        pixels = (images * tf.constant(seen.std) + tf.constant(seen.mean)) * 255
        if own.shape != seen.shape:
            pixels = tf.image.resize(pixels, own.shape, own.interpolation, antialias=True)
        return own.normalize(pixels)
