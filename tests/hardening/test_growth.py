"""Predictions without end hold no more memory than the first ones."""

import gc

import keras
import numpy as np
import psutil
import pytest
from hardening.conftest import SIDE, sizes

from keras_resnets import deploy
from tflite.use.classifier import Classifier

MOST_GROWTH = 30e6  # bytes; a leak of one 32x32 image a call would be 240 MB after 20,000


def keras_predictions(model, tflite_file, photos):
    network = keras.models.load_model(model, compile=False)
    return _of(network)


def deployed_predictions(model, tflite_file, photos):
    return _of(deploy(keras.models.load_model(model, compile=False)))


def litert_predictions(model, tflite_file, photos):
    classifier = Classifier.load(tflite_file)
    photo = next(photos.rglob("*.png")).read_bytes()
    return lambda _: classifier.probabilities(photo)


def _of(network):
    image = np.random.default_rng(1).normal(size=(1, SIDE, SIDE, 3)).astype("float32")

    def predict(number):
        # `predict` builds a data set each time, which takes twenty times as long.
        if number % 20:
            return network.predict_on_batch(image)
        return network.predict(image, verbose=0)

    return predict


@sizes(20, 20_000)
@pytest.mark.parametrize("kind", [keras_predictions, deployed_predictions, litert_predictions])
def test_memory_does_not_grow(kind, tries, tally, model, tflite_file, photos):
    predict = kind(model, tflite_file, photos)
    count = tally("predictions in a row, their memory bounded")
    first = predict(1)
    for number in range(tries // 10):
        predict(number)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for number in range(tries):
        close = np.allclose(predict(number), first, atol=1e-6)
        count.count("exact" if close else "wrong", kind.__name__)
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    if grown > MOST_GROWTH:
        count.count("wrong", f"{kind.__name__}: {grown / 1e6:.0f} MB more")
