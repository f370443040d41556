"""AutoAugment and RandAugment: which operations, how strong."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ..config import AutoAugment, RandAugment
from . import color
from .draws import Draws
from .geometry import affine

LEVELS = 10  # a magnitude of 10 is the end of each operation's range
FILL = 128.0  # what lies outside of a moved image

Operation = Callable[[Any, Any, Any], Any]  # of an image, a magnitude in [0, 1] and a random sign


def _turned(image: Any, magnitude: Any, sign: Any) -> Any:
    angle = sign * magnitude * (30 / 180 * 3.14159265)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return affine(image, [[cosine, -sine], [sine, cosine]], fill=FILL)


def _moved(image: Any, x: Any, y: Any) -> Any:
    # 150 pixels of the 331 that AutoAugment was searched at.
    height, width = (150 / 331 * side for side in image.shape[:2])
    return affine(image, [[1.0, 0.0], [0.0, 1.0]], offset=(x * width, y * height), fill=FILL)


def _enhanced(change: Callable[[Any, Any], Any]) -> Operation:
    return lambda image, magnitude, sign: change(image, 1 + sign * 0.9 * magnitude)


OPERATIONS: dict[str, Operation] = {
    "identity": lambda image, m, sign: image,
    "shear_x": lambda image, m, sign: affine(image, [[1.0, 0.3 * m * sign], [0.0, 1.0]], fill=FILL),
    "shear_y": lambda image, m, sign: affine(image, [[1.0, 0.0], [0.3 * m * sign, 1.0]], fill=FILL),
    "translate_x": lambda image, m, sign: _moved(image, m * sign, 0.0),
    "translate_y": lambda image, m, sign: _moved(image, 0.0, m * sign),
    "rotate": _turned,
    "brightness": _enhanced(color.brightness),
    "color": _enhanced(color.saturation),
    "contrast": _enhanced(color.contrast),
    "sharpness": _enhanced(color.sharpness),
    "posterize": lambda image, m, sign: color.posterize(image, 8 - tf.round(4 * m)),
    "solarize": lambda image, m, sign: color.solarize(image, 255 - 255 * m),
    "auto_contrast": lambda image, m, sign: color.auto_contrast(image),
    "equalize": lambda image, m, sign: color.equalize(image),
    "invert": lambda image, m, sign: color.invert(image),
}

# Operation, probability, magnitude of 10 levels from 0 to 9 (Cubuk et al., 2019, table 9).
IMAGENET_POLICY = (
    (("posterize", 0.4, 8), ("rotate", 0.6, 9)),
    (("solarize", 0.6, 5), ("auto_contrast", 0.6, 5)),
    (("equalize", 0.8, 8), ("equalize", 0.6, 3)),
    (("posterize", 0.6, 7), ("posterize", 0.6, 6)),
    (("equalize", 0.4, 7), ("solarize", 0.2, 4)),
    (("equalize", 0.4, 4), ("rotate", 0.8, 8)),
    (("solarize", 0.6, 3), ("equalize", 0.6, 7)),
    (("posterize", 0.8, 5), ("equalize", 1.0, 2)),
    (("rotate", 0.2, 3), ("solarize", 0.6, 8)),
    (("equalize", 0.6, 8), ("posterize", 0.4, 6)),
    (("rotate", 0.8, 8), ("color", 0.4, 0)),
    (("rotate", 0.4, 9), ("equalize", 0.6, 2)),
    (("equalize", 0.0, 7), ("equalize", 0.8, 8)),
    (("invert", 0.6, 4), ("equalize", 1.0, 8)),
    (("color", 0.6, 4), ("contrast", 1.0, 8)),
    (("rotate", 0.8, 8), ("color", 1.0, 2)),
    (("color", 0.8, 8), ("solarize", 0.8, 7)),
    (("sharpness", 0.4, 7), ("invert", 0.6, 8)),
    (("shear_x", 0.6, 5), ("equalize", 1.0, 9)),
    (("color", 0.4, 0), ("equalize", 0.6, 3)),
    (("equalize", 0.4, 7), ("solarize", 0.2, 4)),
    (("solarize", 0.6, 5), ("auto_contrast", 0.6, 5)),
    (("invert", 0.6, 4), ("equalize", 1.0, 8)),
    (("color", 0.6, 4), ("contrast", 1.0, 8)),
    (("equalize", 0.8, 8), ("equalize", 0.6, 3)),
)

RANDOM_OPERATIONS = tuple(name for name in OPERATIONS if name != "invert")


def random_policy(image: Any, policy: AutoAugment | RandAugment, draws: Draws) -> Any:
    """Applies a policy to `(height, width, 3)` float32 pixels in [0, 255] of static shape."""
    image = tf.round(image)
    if isinstance(policy, RandAugment):
        for _ in range(policy.operations):
            image = _chosen(
                image,
                RANDOM_OPERATIONS,
                draws.integer(len(RANDOM_OPERATIONS)),
                policy.magnitude / LEVELS,
                draws.sign(),
            )
        return image
    names = tuple(OPERATIONS)
    pair = draws.integer(len(IMAGENET_POLICY))
    for place in range(2):
        entries = [sub_policy[place] for sub_policy in IMAGENET_POLICY]
        index = tf.constant([names.index(name) for name, _, _ in entries])[pair]
        probability = tf.constant([entry[1] for entry in entries])[pair]
        magnitude = tf.constant([entry[2] / (LEVELS - 1) for entry in entries])[pair]
        happens = draws.uniform() < probability
        index = tf.where(happens, index, names.index("identity"))
        image = _chosen(image, names, index, magnitude, draws.sign())
    return image


def _chosen(image: Any, names: tuple[str, ...], index: Any, magnitude: Any, sign: Any) -> Any:
    def branch(operation: Operation) -> Callable[[], Any]:
        return lambda: tf.ensure_shape(operation(image, magnitude, sign), image.shape)

    return tf.switch_case(index, [branch(OPERATIONS[name]) for name in names])
