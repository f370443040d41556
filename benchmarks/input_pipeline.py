"""The training transforms at 224x224, and RandAugment beside Keras' own layer, in images a second.

    python -m benchmarks.input_pipeline [--seconds 6]

The photo is scikit-learn's "china.jpg" at ImageNet's usual 500x375 pixels; two parallel calls.
"""

import argparse
import io
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_image

from keras_resnets.preprocessing import Preprocessing
from training.config import Augmentation, AutoAugment, Crop, Jitter, RandAugment
from training.data.draws import Draws
from training.data.policies import random_policy
from training.data.transform import training_image

SIZE = 224
BATCH = 32
CALLS = 2

TRANSFORMS = {
    "crop, flip": Augmentation(crop=Crop(), flip=True),
    "crop, flip, colour jitter": Augmentation(crop=Crop(), flip=True, jitter=Jitter()),
    "crop, flip, RandAugment": Augmentation(crop=Crop(), flip=True, policy=RandAugment()),
    "crop, flip, AutoAugment": Augmentation(crop=Crop(), flip=True, policy=AutoAugment()),
}


def jpeg_photo() -> bytes:
    photo = Image.fromarray(load_sample_image("china.jpg")).resize((500, 375))
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=90)
    return file.getvalue()


def images_a_second(batches: tf.data.Dataset, seconds: float) -> float:
    iterator = iter(batches)
    for _ in range(5):
        next(iterator)
    start, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        next(iterator)
        count += BATCH
    return count / passed


def transform_batches(augmentation: Augmentation) -> tf.data.Dataset:
    files = tf.data.Dataset.from_tensors(jpeg_photo()).repeat().enumerate()
    preprocessing = Preprocessing(size=SIZE)
    return files.map(
        lambda n, file: training_image(file, preprocessing, augmentation, Draws(0, n)),
        num_parallel_calls=CALLS,
    ).batch(BATCH)


def policy_batches(ours: bool) -> tf.data.Dataset:
    photo = np.asarray(Image.open(io.BytesIO(jpeg_photo())).resize((SIZE, SIZE)), "float32")
    photos = tf.data.Dataset.from_tensors(photo).repeat()
    if ours:
        return (
            photos.enumerate()
            .map(
                lambda n, image: random_policy(image, RandAugment(), Draws(0, n)),
                num_parallel_calls=CALLS,
            )
            .batch(BATCH)
        )
    layer = keras.layers.RandAugment(value_range=(0, 255), num_ops=2)
    return photos.batch(BATCH).map(
        lambda images: layer(images, training=True), num_parallel_calls=CALLS
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="for each row")
    seconds = parser.parse_args().seconds
    for name, augmentation in TRANSFORMS.items():
        rate = images_a_second(transform_batches(augmentation), seconds)
        print(f"{name:28} {rate:7.0f} images/s", flush=True)
    # In turns, so that a machine that slows down slows both.
    turns = [
        (
            images_a_second(policy_batches(True), seconds / 2),
            images_a_second(policy_batches(False), seconds / 2),
        )
        for _ in range(2)
    ]
    ours, stock = (max(rates) for rates in zip(*turns, strict=True))
    print(f"{'RandAugment alone':28} {ours:7.0f} images/s")
    print(f"{'keras.layers.RandAugment':28} {stock:7.0f} images/s, ratio {ours / stock:.1f}")


if __name__ == "__main__":
    main()
