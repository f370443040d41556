"""Classes of which there are few images against those of which there are many."""

import dataclasses
from typing import Any, Literal, Self

import numpy as np
import tensorflow as tf

from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

RATIO = 3  # of the largest class to the smallest, above which `auto` does something

Choice = Literal["auto", "none", "sampling", "weights"]
Array = np.ndarray[Any, Any]


@dataclasses.dataclass(frozen=True)
class Balance:
    """What is done so that every class counts alike in training.

    Attributes:
        method: `"sampling"`: an epoch has as many images as there are, and as many of each class, so
            that those of small classes come several times, changed at random each time. `"weights"`:
            the loss of an image counts by `factors`. `"none"`: nothing.
        counts: Number of training images of each class.
    """

    method: Literal["none", "sampling", "weights"]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, choice: Choice, data: ImageData) -> Self:
        """What a recipe's `balance` means for these images.

        Raises:
            UserError: For images that have any number of labels, where it is not left open.
        """
        if data.multi_label and choice in ("sampling", "weights"):
            raise UserError(
                "Expected balance=none or auto where a photo has any number of labels: it has no class "
                f"to be balanced by. Received: balance={choice}."
            )
        if data.multi_label or choice == "none":
            return cls("none", ())
        counts = data.counts["train"] if "train" in data.counts else _counted(data)
        if choice == "auto":
            choice = "sampling" if max(counts) > RATIO * min(counts) > 0 else "none"
        elif not min(counts):
            raise UserError(
                "Expected training images of every class where classes are balanced. Received: none of "
                f"{data.class_names[counts.index(0)]}. Add some, or train with --balance none."
            )
        return cls(choice, counts)

    @property
    def factors(self) -> Array:
        """What an image of each class counts for, `(classes,)`: 1 on average over the images."""
        counts = np.array(self.counts)
        return np.asarray(counts.sum() / (len(counts) * counts))

    @property
    def class_weights(self) -> tuple[float, ...] | None:
        """Factors of the loss by class; `None` where it is not weighted."""
        return tuple(self.factors.tolist()) if self.method == "weights" else None

    def in_words(self) -> str:
        """What is done, as one line; empty where nothing is."""
        if self.method == "none":
            return ""
        ratio = max(self.counts) / min(self.counts)
        most = self.factors.max()
        done = {
            "sampling": f"each class is drawn as often, the smallest class's photos {most:.1f} times an "
            "epoch",
            "weights": f"the loss of the smallest class's photos counts {most:.1f} times",
        }[self.method]
        return (
            f"The largest class has {ratio:.1f} times the training photos of the smallest: {done} "
            "(--balance none leaves them as they are)."
        )

    def sampled(self, examples: "tf.data.Dataset", seed: int, epoch: Any) -> "tf.data.Dataset":
        """The images of one epoch: all classes alike, as many in all as there are.

        Where a class has fewer places than images, other ones are left out in each epoch.

        Args:
            examples: The training images, in a fixed order, with their labels.
            seed: Seed of the run.
            epoch: Number of the epoch, a scalar int64 tensor.
        """
        classes, images = len(self.counts), sum(self.counts)
        counts = tf.constant(self.counts, tf.int64)
        places = tf.constant(
            [images // classes + (label < images % classes) for label in range(classes)], tf.int64
        )
        chance = tf.random.stateless_uniform((classes,), [seed, epoch], dtype=tf.float64)
        start = tf.cast(chance * tf.cast(counts, tf.float64), tf.int64)

        def count(seen: Any, example: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any, Any]]:
            encoded, label = example
            # Of n images the i-th comes as often as multiples of n lie in its step of `places`.
            before = seen[label] * places[label] + start[label]
            times = (before + places[label]) // counts[label] - before // counts[label]
            return tf.tensor_scatter_nd_add(seen, [[label]], [1]), (encoded, label, times)

        def repeated(encoded: Any, label: Any, times: Any) -> "tf.data.Dataset":
            return tf.data.Dataset.from_tensors((encoded, label)).repeat(times)

        return examples.scan(tf.zeros((classes,), tf.int64), count).flat_map(repeated)


def _counted(data: ImageData) -> tuple[int, ...]:
    labels = [label for _, label in data.examples("train", decode=False).as_numpy_iterator()]
    return tuple(np.bincount(labels, minlength=len(data.class_names)).tolist())
