"""The random transform of one training image."""

from typing import Any

import tensorflow as tf

from keras_resnets.data import crop_image
from keras_resnets.preprocessing import Preprocessing

from ..config import Augmentation
from .color import random_jitter
from .crops import random_crop
from .draws import Draws
from .erasing import random_erasing
from .geometry import random_flip, random_shift
from .policies import random_policy


def training_image(
    encoded: Any, preprocessing: Preprocessing, augmentation: Augmentation, draws: Draws
) -> Any:
    """From an encoded image, a scalar string, to `(size, size, 3)` float32 pixels in [0, 255]."""
    if augmentation.crop is not None:
        image = random_crop(encoded, preprocessing.shape[0], augmentation.crop, draws)
    else:
        image = tf.cast(crop_image(encoded, preprocessing), tf.float32)
    if augmentation.flip:
        image = random_flip(image, draws)
    if augmentation.shift is not None:
        image = random_shift(image, augmentation.shift, draws)
    if augmentation.policy is not None:
        image = random_policy(image, augmentation.policy, draws)
    if augmentation.jitter is not None:
        image = random_jitter(image, augmentation.jitter, draws)
    if augmentation.erasing is not None:
        image = random_erasing(image, augmentation.erasing, preprocessing, draws)
    return image
