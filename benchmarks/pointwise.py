"""A kernel of one position, forward and backward: as a convolution, and as a product of matrices.

    python -m benchmarks.pointwise [--batch 16] [--rounds 12]

Prints milliseconds a call, medians of turns, for shapes of ResNeXt-50, Res2Net-50 and ReXNet-100 at
224x224. `keras_resnets.layers.GroupedConv2D` chooses by what it prints.
"""

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `keras-resnets train` sets it

import tensorflow as tf

from benchmarks.timing import take_turns
from keras_resnets.layers._lowering import native, pointwise

# side, channels, filters
SHAPES = (
    (56, 64, 256),
    (56, 256, 128),
    (28, 512, 256),
    (14, 1024, 512),
    (7, 1024, 2048),
    (56, 256, 104),
    (14, 416, 1024),
    (56, 27, 162),
    (28, 366, 72),
    (14, 95, 570),
    (7, 840, 151),
)
FORMS = {"convolution": native, "product": pointwise}


def forward_and_backward(
    form: Callable[..., tf.Tensor], images: tf.Tensor, filters: int
) -> Callable[[], object]:
    """A compiled step that computes the outputs and both gradients."""
    kernel = tf.random.normal((1, 1, images.shape[-1], filters))
    upstream = tf.random.normal((*images.shape[:-1], filters))

    def step() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            outputs = form(images, kernel, (1, 1), "same", (1, 1))
        return [outputs, *tape.gradient(outputs, [images, kernel], upstream)]

    compiled = tf.function(step, autograph=False)
    return lambda: compiled()[2].numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=12)
    arguments = parser.parse_args()

    print(f"| side, channels, filters | {' | '.join(FORMS)} | ratio |\n|---|--:|--:|--:|")
    for side, channels, filters in SHAPES:
        images = tf.random.normal((arguments.batch, side, side, channels))
        calls = {name: forward_and_backward(form, images, filters) for name, form in FORMS.items()}
        times = take_turns(calls, rounds=arguments.rounds)
        first, second = (times[name].median for name in FORMS)
        print(
            f"| {side}, {channels}, {filters} | {first:.1f} | {second:.1f} | {second / first:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
