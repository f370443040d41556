"""Mixup and CutMix: images of two classes, targets in between."""

from typing import Any

import tensorflow as tf

from ..config import Augmentation
from .draws import Draws
from .erasing import rectangle


def random_mixing(
    images: Any, targets: Any, augmentation: Augmentation, draws: Draws
) -> tuple[Any, Any]:
    """Mixes a batch with itself in reverse order; one share for the whole batch.

    Args:
        images: `(batch, height, width, 3)` float32.
        targets: `(batch, classes)` probabilities.
        augmentation: The recipe's settings of mixup and CutMix.
        draws: The draws of this batch.
    """
    if augmentation.mixup and augmentation.cutmix:
        by_mixup = mixup(images, targets, _beta(augmentation.mixup, draws))
        by_cutmix = cutmix(images, targets, _beta(augmentation.cutmix, draws), draws)
        is_mixup = draws.chance(0.5)
        return (
            tf.where(is_mixup, by_mixup[0], by_cutmix[0]),
            tf.where(is_mixup, by_mixup[1], by_cutmix[1]),
        )
    if augmentation.mixup:
        return mixup(images, targets, _beta(augmentation.mixup, draws))
    if augmentation.cutmix:
        return cutmix(images, targets, _beta(augmentation.cutmix, draws), draws)
    return images, targets


def mixup(images: Any, targets: Any, share: Any) -> tuple[Any, Any]:
    """`share` of each image and its target, the rest of its partner's (Zhang et al., 2018)."""
    return (
        share * images + (1 - share) * images[::-1],
        share * targets + (1 - share) * targets[::-1],
    )


def cutmix(images: Any, targets: Any, share: Any, draws: Draws) -> tuple[Any, Any]:
    """Pastes a rectangle of about `1 - share` of the partner's image (Yun et al., 2019).

    Its centre is drawn over the whole image; what the border cuts off counts for the target.
    """
    height, width = images.shape[1:3]
    rows, columns = (tf.sqrt(1 - share) * side for side in (height, width))
    top = draws.uniform() * height - rows / 2
    left = draws.uniform() * width - columns / 2
    inside = rectangle((height, width), top, left, rows, columns)
    share = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    return (
        tf.where(inside, images[::-1], images),
        share * targets + (1 - share) * targets[::-1],
    )


def _beta(alpha: float, draws: Draws) -> Any:
    """A draw of the beta distribution with both parameters `alpha`."""
    gammas = tf.random.stateless_gamma((2,), draws.seed(), alpha)
    return gammas[0] / tf.maximum(tf.reduce_sum(gammas), 1e-30)
