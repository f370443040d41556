"""One grouped convolution, forward and backward: ours, plain `tf.nn.conv2d`, and Keras' own layer.

    python -m benchmarks.grouped_conv [--batch 8] [--rounds 20] [--without-keras]

Prints milliseconds a call, and the ratio to plain `tf.nn.conv2d`, for the 3x3 convolutions of
ResNeXt-50 and ResNeSt-50 at 224x224. Keras compiles its layer by XLA, which takes seconds a call on a
CPU: it is timed for one round, on the first two shapes.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from benchmarks.timing import take_turns
from keras_resnets.layers import GroupedConv2D

# channels, filters, groups, side
SHAPES = [
    (128, 128, 32, 56),
    (256, 256, 32, 28),
    (512, 512, 32, 14),
    (1024, 1024, 32, 7),
    (64, 128, 2, 56),
    (128, 256, 2, 28),
    (256, 512, 2, 14),
    (512, 1024, 2, 7),
]
KERAS_SHAPES = 2


def forward_and_backward(
    function: Callable[[tf.Tensor], tf.Tensor], kernel: tf.Tensor, images: tf.Tensor
) -> Callable[[], object]:
    """A compiled step that computes the output and both gradients."""

    @tf.function
    def step() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = function(images)
        return outputs, tape.gradient(outputs, [images, kernel])

    return lambda: [tensor.numpy() for tensor in step()[1]]


def layer_step(layer: keras.layers.Layer, images: tf.Tensor) -> Callable[[], object]:
    layer.build(images.shape)
    return forward_and_backward(layer, layer.kernel.value, images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--without-keras", action="store_true")
    arguments = parser.parse_args()

    print("channels filters groups side | tf.nn.conv2d   ours  ratio | Keras' own  ratio")
    for index, (channels, filters, groups, side) in enumerate(SHAPES):
        images = tf.random.normal((arguments.batch, side, side, channels))
        options: dict[str, Any] = {"groups": groups, "padding": "same", "use_bias": False}
        plain = GroupedConv2D(filters, 3, **options)
        plain.build(images.shape)
        kernel = plain.kernel.value

        def convolve(inputs: tf.Tensor, kernel: tf.Tensor = kernel) -> tf.Tensor:
            return tf.nn.conv2d(inputs, kernel, 1, "SAME")

        times = take_turns(
            {
                "plain": forward_and_backward(convolve, kernel, images),
                "ours": layer_step(GroupedConv2D(filters, 3, **options), images),
            },
            rounds=arguments.rounds,
        )
        row = (
            f"{channels:8} {filters:7} {groups:6} {side:4} | {times['plain'].median:9.2f} ms "
            f"{times['ours'].median:6.2f} {times['ours'].median / times['plain'].median:6.2f} |"
        )
        if index < KERAS_SHAPES and not arguments.without_keras:
            stock = layer_step(keras.layers.Conv2D(filters, 3, **options), images)
            slow = take_turns({"keras": stock}, rounds=1, warm_up=1)["keras"].median
            row += f" {slow:7.0f} ms {slow / times['plain'].median:6.0f}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
