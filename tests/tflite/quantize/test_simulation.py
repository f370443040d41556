"""`Int8Simulation` says what its file says, whatever a network is made of."""

from pathlib import Path

import keras
import networks
import numpy as np

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.layers import (
    Bottleneck,
    ConvNorm,
    LinearBottleneck,
    Res2NetScale,
    SplitAttention,
    SqueezeExcite,
    Stem,
)
from keras_resnets.preprocessing import Preprocessing
from keras_resnets.quantization import Int8Simulation
from tflite.convert.export import Exporter, Options
from tflite.file.runtime import Runner
from tflite.formats import INT8
from tflite.trained import TrainedModel

SIDE = 32
CLASSES = 5


def of_every_kind():
    """A block of each family: every kind of operator that there is, from the stem's pool to the head."""
    images = keras.Input((SIDE, SIDE, 3))
    outputs = Stem(16, kind="conv7")(images)
    grouped = ConvNorm(16, 3, groups=4, activation="relu", name="spatial")
    squeeze = SqueezeExcite(4, use_norm=False, name="squeeze")
    outputs = Bottleneck(32, 16, grouped, attention=squeeze, shortcut="conv")(outputs)
    strided = SplitAttention(16, radix=2, strides=2, pool="after", name="spatial")
    outputs = Bottleneck(32, 16, strided, strides=2, shortcut="pool")(outputs)
    softmax = SplitAttention(16, radix=4, name="spatial")
    outputs = Bottleneck(32, 16, softmax)(outputs)
    outputs = Bottleneck(32, 16, Res2NetScale(16, scale=4, name="spatial"))(outputs)
    outputs = LinearBottleneck(40, 64, squeezed=4, shortcut=True)(outputs)
    outputs = LinearBottleneck(40, 80, strides=2, activation="relu6")(outputs)
    pooled = keras.layers.GlobalAveragePooling2D()(outputs)
    return keras.Model(images, keras.layers.Dense(CLASSES)(pooled))


def test_file_and_simulation_agree(rng):
    preprocessing = Preprocessing(size=SIDE)
    pixels = rng.integers(256, size=(32, SIDE, SIDE, 3), dtype="uint8")
    images = preprocessing.normalize(pixels)
    network = networks.settle(networks.randomise(of_every_kind(), rng), images)
    simulation = Int8Simulation(keras_resnets.deploy(network))
    simulation.calibrate([images])
    trained = TrainedModel(simulation, Card("Any", tuple("abcde"), preprocessing), Path())
    exporter = Exporter(trained, None, Options(gives_logits=True))
    exporter.calibration = list(pixels[:1, None])  # the ranges are the simulation's
    found = Runner(exporter._quantized(INT8, ()))(pixels)
    expected = simulation.predict_on_batch(images)
    difference = np.abs(found - expected).max(axis=-1)
    # Of most images every activation is the same to the last bit. Without the bias in steps, with joined
    # maps in ranges of their own, or with quotients of rounded exponentials, of none.
    assert np.mean(difference < 1e-5) > 0.75
    # Of the others a value was half a step, of which a drawn network makes much; more than two steps
    # where rounded numbers are summed, and not whole ones.
    step = (found.max() - found.min()) / 255
    assert difference.max() < 0.75 * step
    clear = np.diff(np.sort(expected)[:, -2:])[:, 0] > step
    assert clear.sum() > 20
    assert (found.argmax(-1) == expected.argmax(-1))[clear].all()
