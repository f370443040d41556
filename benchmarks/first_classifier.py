"""What a first classifier costs: `train --quick` beside one forward pass over the same photos.

    python -m benchmarks.first_classifier [--photos 1000] [--rounds 1]

Draws JPEGs of 320×240 in two classes and ReXNet100 with random weights. Each round runs, one after the
other and each in a process of its own, a forward pass (photos decoded, resized, through the network in
batches of 32) and the command, until the first `best.keras` is written. Prints the seconds of CPU time
of each, those of the imports subtracted, and their ratio. Both check every photo once, as every command
does.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.drawn import draw_photos

MODEL = "ReXNet100"
IMPORTS = "from keras_resnets_training import loop\n"
MAKE = f"""
import keras_resnets
from keras_resnets import Card, Preprocessing
network = keras_resnets.{MODEL}(weights=None, classes=3)
network.save("start.keras")
Card("{MODEL}", ("a", "b", "c"), Preprocessing(size=224)).save("start.keras")
"""
FORWARD = """
import tensorflow as tf
import keras_resnets
from keras_resnets.data import evaluation_batches
network, card = keras_resnets.open_model("start.keras")
data = keras_resnets.open_data(folder="photos")
forward = tf.function(lambda images: network(images, training=False), reduce_retracing=True)
for split in ("train", "validation", "test"):
    for images, _ in evaluation_batches(data, split, card.preprocessing, 32):
        forward(images)
"""
QUICK = """
from keras_resnets.cli import main
from keras_resnets_training.run.models import Models
write = Models.save
def save(self, *arguments, **options):
    write(self, *arguments, **options)
    told()
Models.save = save
main(["train", "photos", "--weights", "start.keras", "--quick", "--force", "--run", "run"])
"""
# Each program tells its own CPU time, all threads', at the place that it calls `told`.
TOLD = """
import time
def told():
    print("CPU seconds", time.process_time(), flush=True)
"""


def cpu_seconds(program: str, folder: Path) -> float:
    """CPU time of a Python program up to its first call of `told`."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", TOLD + IMPORTS + program],
        check=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = (line for line in done.stdout.splitlines() if line.startswith("CPU seconds"))
    return float(next(told).split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_photos(folder / "photos", options.photos, 2, 320, 240)
        cpu_seconds(MAKE + "told()", folder)
        for _ in range(options.rounds):
            start = cpu_seconds("told()", folder)
            forward = cpu_seconds(FORWARD + "told()", folder) - start
            quick = cpu_seconds(QUICK, folder) - start
            ratios.append(quick / forward)
            print(
                f"{options.photos} photos: forward {forward:.1f} s, --quick {quick:.1f} s of CPU "
                f"time, {ratios[-1]:.2f} times",
                flush=True,
            )
    print(f"median {statistics.median(ratios):.2f} times")


if __name__ == "__main__":
    main()
