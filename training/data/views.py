"""Views of photos: numbered looks at each, the same ones whenever they are asked for.

View 0 is what evaluation sees. The others are drawn by the recipe's augmentation, each from the seed,
the view's number and the photo's place in its split.
"""

from typing import Any

import tensorflow as tf

from keras_resnets.data import ImageData, as_written, evaluation_batches, without_stalls

from ..config import Config
from .batches import targets_of
from .draws import Draws
from .transform import training_image


@as_written
def view_batches(
    data: ImageData, split: str, config: Config, view: int, rows: int
) -> "tf.data.Dataset":
    """One view of each photo of a split, in its fixed order.

    Args:
        data: The images.
        split: `"train"` or `"validation"`.
        config: The run's config.
        view: Number of the view, from 0.
        rows: Number of photos of a batch; the last one may have fewer.

    Returns:
        A data set of normalised images, `(rows, size, size, 3)`, and target probabilities,
        `(rows, classes)`, both float32.
    """
    preprocessing = config.preprocessing

    def finish(images: Any, labels: Any) -> tuple[Any, Any]:
        return images, targets_of(data, labels)

    if view == 0:
        return evaluation_batches(data, split, preprocessing, rows).map(finish)

    def prepare(number: Any, example: Any) -> tuple[Any, Any]:
        encoded, label = example
        draws = Draws(config.seed, view * data.sizes[split] + number)
        image = training_image(encoded, preprocessing, config.augmentation, draws)
        return preprocessing.normalize(image), label

    return without_stalls(
        data.examples(split, decode=False)
        .enumerate()
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(rows)
        .map(finish)
        .prefetch(tf.data.AUTOTUNE)
    )
