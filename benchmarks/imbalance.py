"""What `--balance` buys where some classes have ten times the photos of others.

    python -m benchmarks.imbalance RUN CIFAR [--seeds 3]

CIFAR is CIFAR-10 as image files, `train/CLASS/` and `test/CLASS/`. Half of its classes keep 200 photos
each, the others 20, drawn anew for each seed; the classifier is trained on the features of RUN
(`--quick`) and measured on 100 test photos of each class: mean and standard deviation over the seeds.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from keras_resnets._common.tables import table

FOLDER = Path("runs/imbalance")
MANY, FEW, TEST = 200, 20, 100
SETTINGS = ("none", "auto")


def make_photos(cifar: Path, folder: Path, seed: int) -> None:
    """Links photos so that every other class has ten times as many as the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    draw = random.Random(seed)
    for index, classes in enumerate(sorted((cifar / "train").iterdir())):
        count = MANY if index % 2 else FEW
        for split, most in (("train", count), ("test", TEST)):
            files = sorted((cifar / split / classes.name).iterdir())
            (folder / split / classes.name).mkdir(parents=True)
            for file in draw.sample(files, most):
                (folder / split / classes.name / file.name).symlink_to(file.resolve())


def train(photos: Path, run: str, balance: str, seed: int) -> list[float]:
    """Recall of the large classes, of the small ones, and of all, on the test photos."""
    folder = FOLDER / f"{balance}-{seed}"
    words = ["train", photos, "--weights", run, "--quick", "--balance", balance, "--seed", seed]
    words += ["--run", folder, "--force"]
    command = [sys.executable, "-m", "training", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads((folder / "evaluation.json").read_text())
    recalls = [each["recall"] for each in found["classes"]]
    return [float(np.mean(some)) for some in (recalls[1::2], recalls[::2], recalls)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("cifar", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[list[float]]] = {balance: [] for balance in SETTINGS}
    for seed in range(arguments.seeds):
        make_photos(arguments.cifar, FOLDER / "photos", seed)
        for balance in SETTINGS:
            found[balance].append(train(FOLDER / "photos", arguments.run, balance, seed))
    rows = []
    for balance, pairs in found.items():
        values = np.array(pairs)
        means, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
        rows.append([balance, *(f"{m:.1%} ± {s:.1%}" for m, s in zip(means, spread, strict=True))])
    print(table(["--balance", "large classes", "small classes", "balanced accuracy"], rows))


if __name__ == "__main__":
    main()
