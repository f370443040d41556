"""What calibration, the threshold of "unsure", mirroring and confident learning do on real photos.

    python -m benchmarks.probabilities RUN PHOTOS [--photos 4000]

The model must not have seen the photos. Half of them choose the temperature and the threshold, the other
half measure. Then the labels of a twentieth of all, drawn at random, are made wrong, to be found.
"""

import argparse
import dataclasses
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy.stats import binomtest

import keras_resnets
from keras_resnets._common.shares import wilson
from keras_resnets._common.tables import table
from keras_resnets.classifier import of_logits
from keras_resnets.data import open_data
from training.reporting.calibrate import logits_of
from training.reporting.evaluate import answers
from training.reporting.metrics import calibration_error
from training.reporting.out_of_fold import by_features
from training.reporting.suspects import suspicious
from training.run.calibration import fit_temperature, temperature_of, threshold_of

WRONG = 0.05  # of the labels
COVERAGE = 0.95


def share(right: np.ndarray) -> str:
    """A share of photos with Wilson's interval of 95 %."""
    low, high = wilson(int(right.sum()), len(right))
    return f"{right.mean():.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("folder")
    parser.add_argument("--photos", type=int, default=4000)
    arguments = parser.parse_args()

    network, card = keras_resnets.open_model(arguments.run)
    data = open_data(folder=arguments.folder, everything=True).with_classes(card.class_names)
    some = dataclasses.replace(
        data,
        sizes={"train": 0, "validation": 0, "test": min(arguments.photos, data.sizes["test"])},
        source=lambda split, **how: data.source(split, **how).take(arguments.photos),
    )
    logits_of_network = logits_of(network)

    def both(images: np.ndarray) -> np.ndarray:
        views = [images, images[:, :, ::-1]]
        return np.stack([logits_of_network(view) for view in views], axis=1)

    found, labels = answers(both, card, some, "test", 100)
    found *= temperature_of(card) or 1  # what is folded into the last layer
    logits, mirrored = found[:, 0], found[:, 1]
    half = np.arange(len(labels)) < len(labels) // 2
    targets = np.eye(len(card.class_names))[labels]
    temperature = fit_temperature(logits[half], targets[half])
    before, after = of_logits(logits, "softmax"), of_logits(logits / temperature, "softmax")
    threshold = threshold_of(after[half].max(axis=1), COVERAGE)
    sure = after.max(axis=1) >= threshold
    right = after.argmax(axis=1) == labels
    flipped = of_logits(mirrored / temperature, "softmax")
    right_flipped = (after + flipped).argmax(axis=1) == labels

    def error(probabilities: np.ndarray) -> str:
        return f"{calibration_error(probabilities.max(axis=1)[~half], right[~half]):.1%}"

    only = [
        int((one & ~other).sum()) for one, other in ((right_flipped, right), (right, right_flipped))
    ]
    chance = binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0
    random = np.random.default_rng(0)
    wrong = random.random(len(labels)) < WRONG
    others = random.integers(1, len(card.class_names), len(labels))
    noisy = np.where(wrong, (labels + others) % len(card.class_names), labels)
    suspects = suspicious(noisy, by_features(network, card, some, 100, labels=noisy).probabilities)
    named = np.isin(np.arange(len(labels)), suspects)
    print(
        table(
            ["", ""],
            [
                ["temperature, from half of the photos", f"{temperature:.2f}"],
                ["calibration error of the others, before", error(before)],
                ["calibration error of the others, after", error(after)],
                [f"sure of, at a threshold of {threshold:.1%}", share(sure[~half])],
                ["right", share(right[~half])],
                ["right where sure", share(right[~half & sure])],
                ["right where unsure", share(right[~half & ~sure])],
                ["right of all", share(right)],
                ["right of all, with the mirror image", share(right_flipped)],
                ["right by one alone, McNemar", f"{only[0]} against {only[1]}, p = {chance:.1e}"],
                [f"labels made wrong of {len(labels)}", f"{wrong.sum()}"],
                ["of the suspects wrong", share(wrong[named])],
                ["of the wrong found", share(named[wrong])],
            ],
            left=2,
        )
    )


if __name__ == "__main__":
    main()
