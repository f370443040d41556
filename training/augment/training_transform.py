"""The random transform of one training image."""

from typing import Any

from training.augment.color import random_jitter
from training.augment.draws import Draws
from training.augment.erasing import random_erasing
from training.augment.geometry import centre_crop, random_crop, random_flip, random_shift
from training.augment.policies import random_policy
from training.config import Augmentation, Preprocessing


def training_image(
    encoded: Any, preprocessing: Preprocessing, augmentation: Augmentation, draws: Draws
) -> Any:
    """From an encoded image, a scalar string, to `(size, size, 3)` float32 pixels in [0, 255]."""
    if augmentation.crop is not None:
        image = random_crop(encoded, preprocessing.size, augmentation.crop, draws)
    else:
        image = centre_crop(encoded, preprocessing)
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
