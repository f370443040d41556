"""How many cores feed a GPU: images a core reads in a second, and what training steps take.

    python -m benchmarks.feeding [--seconds 6]

Photos as JPEGs of 500×375 and 4000×3000, to 224×224: for training (random crop, mirrored), of which
only the crop is decoded, at the scale that it needs; and for evaluation, as `predict` sees them, of
which a large one is decoded smaller too. From files, which the system keeps in memory here, and from
memory. Rates are per second of processor time of one call after the other; the cores are eight GPUs'
images over that rate.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from keras_resnets._common.tables import table
from keras_resnets.data import crop_image
from keras_resnets.preprocessing import Preprocessing
from training.config import Augmentation, Crop
from training.data.draws import Draws
from training.data.transform import training_image

PREPROCESSING = Preprocessing(size=224)
SIDES = ((500, 375), (4000, 3000))
BATCH = 32
GPUS = 8
# Images a second that one GPU trains ResNet-50 with, in mixed precision with XLA: NVIDIA's
# DeepLearningExamples, TensorFlow, resnet50v1.5. They have no table of the H100.
STEPS = {"V100": 1270, "A100": 2375}

Transform = Callable[[Any, Any], Any]


def for_training(number: Any, encoded: Any) -> Any:
    augmentation = Augmentation(crop=Crop(), flip=True)
    return training_image(encoded, PREPROCESSING, augmentation, Draws(0, number))


def for_evaluation(_: Any, encoded: Any) -> Any:
    return crop_image(encoded, PREPROCESSING)


def write_photo(path: Path, width: int, height: int) -> None:
    """A photo with a sensor's noise, which costs a decoder as much as its shapes do."""
    photo = Image.fromarray(load_sample_image("china.jpg")).resize((width, height))
    noisy = np.asarray(photo) + np.random.default_rng(0).normal(0, 6, (height, width, 3))
    Image.fromarray(noisy.clip(0, 255).astype("uint8")).save(path, "JPEG", quality=90)


def images_a_core(path: Path, transform: Transform, in_memory: bool, seconds: float) -> float:
    """Images that a second of processor time reads, decodes, transforms and batches."""
    if in_memory:
        photos = tf.data.Dataset.from_tensors(path.read_bytes()).repeat()
    else:
        photos = tf.data.Dataset.from_tensors(str(path)).repeat().map(tf.io.read_file)
    batches = iter(photos.enumerate().map(transform).batch(BATCH))
    next(batches)
    start, wall, count = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() - wall < seconds:
        next(batches)
        count += BATCH
    return count / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="for each row (%(default)s)")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIDES:
            path = Path(folder) / f"{width}.jpg"
            write_photo(path, width, height)
            for what, transform in (("training", for_training), ("evaluation", for_evaluation)):
                for source in ("a file", "memory"):
                    rate = images_a_core(path, transform, source == "memory", options.seconds)
                    needed = [f"{GPUS * step / rate:.0f}" for step in STEPS.values()]
                    rows.append([f"{width}×{height}", what, source, f"{rate:.0f}", *needed])
    cores = [f"cores for {GPUS} {name}" for name in STEPS]
    print(table(["photo", "for", "from", "images/s a core", *cores], rows, left=3))


if __name__ == "__main__":
    main()
