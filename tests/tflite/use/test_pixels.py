"""All that look at a whole photo see the same pixels of it: those of evaluation."""

from pathlib import Path

import numpy as np
import pytest
from pictures import scene

from keras_resnets.card import open_model
from keras_resnets.classifier import Classifier
from keras_resnets.data import ImageData, evaluation_batches, open_data
from keras_resnets.explain import explain_photo
from keras_resnets.preprocessing import read_image
from tflite.convert.export import Exporter
from tflite.formats import FLOAT32
from tflite.quantize.ranges import calibration_images
from tflite.use.classifier import Classifier as FileClassifier


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    """JPEGs with so many pixels that they are decoded at a part of their size."""
    root = tmp_path_factory.mktemp("large")
    for number in range(20):
        path = root / ("blue", "green")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        scene(number, 373, 501).save(path, quality=92)
    return open_data(folder=str(root))


def test_they_see_what_evaluation_sees(
    run: Path, exporter: Exporter, data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, card = open_model(run)
    (shown,) = evaluation_batches(data, "train", card.preprocessing, 100)
    images = shown[0].numpy()
    photos = [path.path for path in data.photos["train"]]
    content = Path(photos[0]).read_bytes()
    assert np.abs(card.preprocessing(read_image(content)) - images[0]).max() > 0

    seen: list[np.ndarray] = []

    def answer(views: np.ndarray) -> np.ndarray:
        seen.append(views)
        return np.full((1, 3), 1 / 3, "float32")

    classifier, file = Classifier(model, card), FileClassifier(exporter.file(FLOAT32))
    monkeypatch.setattr(classifier, "_outputs", answer)
    monkeypatch.setattr(file, "_runner", answer)
    classifier.answer(content)
    file.probabilities(photos[0])
    np.testing.assert_array_equal(seen[0][0], images[0])
    normalize = card.preprocessing.normalize
    np.testing.assert_array_equal(normalize(seen[1][0]), images[0])
    np.testing.assert_array_equal(normalize(explain_photo(model, card, content).pixels), images[0])
    calibration = np.concatenate(calibration_images(data, card.preprocessing, len(photos)))
    np.testing.assert_array_equal(calibration[:10], images[:10])
