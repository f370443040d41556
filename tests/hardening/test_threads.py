"""Many threads on one model: each gets the answer that it would get alone."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from hardening.conftest import SIDE, sizes

from keras_resnets import deploy
from tflite.use.classifier import Classifier

THREADS = 64


@pytest.fixture
def classify(tflite_file, photos):
    """Asks one classifier about a photo by its number."""
    classifier = Classifier.load(tflite_file)
    contents = [path.read_bytes() for path in sorted(photos.rglob("*.png"))]
    return lambda number: classifier.probabilities(contents[number % len(contents)])


@pytest.fixture
def predict(model):
    network = deploy(keras.models.load_model(model, compile=False))
    images = np.random.default_rng(1).normal(size=(24, 1, SIDE, SIDE, 3)).astype("float32")
    return lambda number: network.predict_on_batch(images[number % len(images)])


@sizes(64, 12_800)
@pytest.mark.parametrize("ask", ["classify", "predict"])
def test_every_thread_gets_its_own_answer(ask, tries, tally, request):
    answer = request.getfixturevalue(ask)
    count = tally("questions of 64 threads to one model")
    alone = [answer(number) for number in range(24)]
    with ThreadPoolExecutor(THREADS) as pool:
        for number, together in enumerate(pool.map(answer, range(tries))):
            count.count("exact" if np.array_equal(together, alone[number % 24]) else "wrong", ask)
