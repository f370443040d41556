"""Batch normalisation and swish, forward and backward: Keras' way, the fused kernel, and by hand.

    python -m benchmarks.normalising [--batch 16] [--rounds 12]

Prints milliseconds a call, medians of turns, for shapes of ResNeXt-50, Res2Net-50 and ReXNet-100 at
224x224. `keras_resnets.layers.batch_norm` chooses by what it prints.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `keras-resnets train` sets it

import keras
import tensorflow as tf

from benchmarks.timing import take_turns
from keras_resnets.layers._normalising import normalised
from keras_resnets.layers._swish import swish

EPSILON = 1e-5
# side, channels
SHAPES = (
    (112, 64),
    (56, 256),
    (28, 512),
    (14, 1024),
    (56, 52),
    (56, 228),
    (14, 636),
    (56, 26),
    (56, 162),
    (28, 366),
    (14, 702),
)

Form = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def keras_way(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    """What `keras.layers.BatchNormalization` computes of a batch."""
    mean, variance = keras.ops.moments(images, (0, 1, 2))
    return keras.ops.batch_normalization(images, mean, variance, -1, beta, gamma, EPSILON)


def fused(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    """TensorFlow's kernel."""
    return tf.compat.v1.nn.fused_batch_norm(images, gamma, beta, epsilon=EPSILON)[0]


def by_hand(images: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
    """The layer's own, with its gradient by hand."""
    return normalised(images, gamma, beta, EPSILON)[0]


NORMS: Mapping[str, Form] = MappingProxyType(
    {"Keras' norm": keras_way, "fused norm": fused, "norm by hand": by_hand}
)
SWISHES: Mapping[str, Form] = MappingProxyType(
    {
        "Keras' swish": lambda images, *_: keras.ops.silu(images),
        "swish by hand": lambda images, *_: swish(images),
    }
)


def forward_and_backward(form: Form, images: tf.Tensor) -> Callable[[], object]:
    """A compiled step that computes the outputs and all gradients."""
    upstream = tf.random.normal(images.shape)
    given = [images, tf.ones(images.shape[-1]), tf.zeros(images.shape[-1])]

    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(given)
            outputs = form(*given)
        slopes = tape.gradient(outputs, given, upstream)
        return [outputs, *(slope for slope in slopes if slope is not None)]

    compiled = tf.function(step, autograph=False)
    return lambda: compiled()[0].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()

    forms = {**NORMS, **SWISHES}
    print(f"| side, channels | {' | '.join(forms)} |")
    print(f"|---|{'--:|' * len(forms)}")
    for side, channels in SHAPES:
        images = tf.random.normal((arguments.batch, side, side, channels))
        calls = {name: forward_and_backward(form, images) for name, form in forms.items()}
        times = take_turns(calls, rounds=arguments.rounds)
        cells = (f"{times[name].median:.1f}" for name in forms)
        print(f"| {side}, {channels} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
