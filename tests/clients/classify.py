"""Run by the environment of the clients: what MediaPipe Tasks says of photos, as JSON.

python classify.py PHOTO … -- FILE.tflite …
"""

import json
import sys

import mediapipe
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def answers(file: str, photos: list[str]) -> list[dict[str, float]]:
    """Each photo's classes with their scores."""
    options = vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_path=file), max_results=-1
    )
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for photo in photos:
            result = classifier.classify(mediapipe.Image.create_from_file(photo))
            categories = result.classifications[0].categories
            found.append({one.category_name: one.score for one in categories})
    return found


border = sys.argv.index("--")
print(json.dumps([answers(file, sys.argv[1:border]) for file in sys.argv[border + 1 :]]))
