"""A training step of a small ResNeXt: our grouped convolution and Keras' own, the rest the same.

    python -m benchmarks.train_step [--rounds 5]

CIFAR's size, 32x32, batch 128, float32, through `model.train_on_batch`. Keras compiles its grouped
convolutions by XLA: its first step takes minutes on a CPU.
"""

import argparse
import os
from typing import Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import keras_resnets
from benchmarks.timing import take_turns
from keras_resnets.features import all_layers
from keras_resnets.layers import GroupedConv2D

BATCH, SIDE, CLASSES = 128, 32, 10


def small_resnext(lowering: Literal["keras"] | None) -> keras.Model:
    """About 140,000 parameters in three stages of one block; `None` for our own choice."""
    model = keras_resnets.ResNeXt(
        depths=(1, 1, 1),
        planes=16,
        cardinality=8,
        width=16,
        stem="small",
        stem_filters=32,
        input_shape=(SIDE, SIDE, 3),
        classes=CLASSES,
    )
    for layer in all_layers(model):
        if isinstance(layer, GroupedConv2D) and layer.groups > 1:
            layer.lowering = lowering
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    images = rng.normal(size=(BATCH, SIDE, SIDE, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, BATCH)
    ours, stock = small_resnext(None), small_resnext("keras")
    print(f"{ours.count_params():,} parameters, batch {BATCH}, {SIDE}x{SIDE}")
    times = take_turns(
        {
            "ours": lambda: ours.train_on_batch(images, labels),
            "stock": lambda: stock.train_on_batch(images, labels),
        },
        rounds=rounds,
        warm_up=1,
    )
    ratio = times["stock"].median / times["ours"].median
    print(f"GroupedConv2D          {times['ours'].median:8.0f} ms a step")
    print(
        f"keras.layers.Conv2D    {times['stock'].median:8.0f} ms a step, {ratio:.1f} times as long"
    )


if __name__ == "__main__":
    main()
