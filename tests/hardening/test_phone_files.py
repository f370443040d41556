"""`.tflite` files changed at random: refused in one line, or answered with probabilities."""

import random

from hardening.conftest import sizes
from hardening.mutations import mutated

from tflite.file.inspection import inspect
from tflite.use.classifier import Classifier


def answers(path, photo):
    classifier = Classifier.load(path)
    inspect(path.read_bytes())
    probabilities = classifier.probabilities(photo)
    # Changed weights give other answers.
    return probabilities.shape == (3,) and abs(probabilities.sum() - 1) < 0.02


@sizes(4, 500)
def test_a_changed_file_is_refused_or_answers(tries, tally, tflite_file, photos, tmp_path):
    count = tally("`.tflite` files, changed at random", seconds=15)  # 10 of them the rehearsal's
    draw = random.Random(0)
    photo = next(photos.rglob("*.png")).read_bytes()
    content = tflite_file.read_bytes()
    path = tmp_path / "changed.tflite"
    for number in range(tries):
        path.write_bytes(mutated(content, draw))
        count.attempt(number, lambda: answers(path, photo))
