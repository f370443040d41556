"""The images from which a quantiser learns the range of every activation."""

import math
from collections import Counter

import numpy as np

from keras_resnets.data import ImageData
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing, read_image

FEWEST = 10  # below, a range is an accident of single images


def calibration_images(
    data: ImageData, preprocessing: Preprocessing, count: int, *, pixels: bool = False
) -> list[np.ndarray]:
    """Takes images of the training split, as many of each class.

    Args:
        data: where the model's training images are.
        preprocessing: the model's.
        count: how many images; where a class has too few, the others do not make up for it.
        pixels: whether uint8 pixels are wanted, and not normalised images in float32.

    Returns:
        Inputs `(1, height, width, channels)`.

    Raises:
        ValueError: where the split has too few images, or images of one class only.
    """
    classes = len(data.class_names)
    if count < FEWEST:
        raise UserError(
            f"Expected at least {FEWEST} images for calibration, better {20 * FEWEST}. "
            f"Received: {count}."
        )
    quota = math.ceil(count / classes)
    taken: Counter[int] = Counter()
    images: list[np.ndarray] = []
    for encoded, label in data.examples("train", decode=False).as_numpy_iterator():
        if taken[int(label)] == quota:
            continue
        taken[int(label)] += 1
        photo = read_image(encoded)
        images.append((preprocessing.pixels(photo) if pixels else preprocessing(photo))[None])
        if len(images) == min(count, quota * classes):
            break
    if len(images) < FEWEST or len(taken) < 2:
        raise UserError(
            f"Expected at least {FEWEST} training images of two classes for calibration. Received: "
            f"{len(images)} images of {len(taken)} classes in {data.name}. "
            "Name the images that the model was trained on: --data FOLDER or --dataset NAME."
        )
    return images
