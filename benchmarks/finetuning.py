"""What fine-tuning gains: digits 0 to 4 first, then 5 to 9 with three images of each.

    python -m benchmarks.finetuning [--images 3]

Writes the digits of `mnist_5k` as two folders of PNGs, then runs `keras-resnets train` three times: on
the first five digits, on the others from those weights, and on the others from scratch. Prints the
commands as run and the accuracy of each on the test images.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from PIL import Image

from keras_resnets import open_data
from keras_resnets._common.console import command_line

FOLDER = Path("runs/finetuning")
NETWORK = [
    "--model=ResNeSt",
    "--set=model.arguments={depths: [1, 1], planes: 32, stem_filters: 32, zero_gamma: false}",
    "--set=preprocessing={size: 32, crop_fraction: 1.0}",
    "--set=augmentation={shift: {rotation: 12, translation: 0.08, zoom: 0.1}}",
]


def write_digits(digits: range, folder: Path, most: int | None) -> None:
    """One folder a digit under `train`, `validation` and `test`; at most `most` training images each."""
    shutil.rmtree(folder, ignore_errors=True)
    data = open_data(dataset="mnist_5k")
    for split in data.sizes:
        counts = dict.fromkeys(digits, 0)
        for image, label in data.examples(split).as_numpy_iterator():
            if label not in counts or (split == "train" and counts[label] == most):
                continue
            path = folder / split / str(label) / f"{counts[label]:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            counts[label] += 1


def train(name: str, *arguments: str) -> float:
    """Runs the training application; returns the test accuracy of its best model."""
    options = [f"--run={FOLDER / name}", "--force", *arguments, *NETWORK]
    print(command_line("train", *options), flush=True)
    program = [sys.executable, "-m", "training", *options]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    return float(json.loads((FOLDER / name / "evaluation.json").read_text("utf-8"))["top1"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=3, help="of each new digit to learn from")
    images = parser.parse_args().images
    write_digits(range(5), FOLDER / "first", None)
    write_digits(range(5, 10), FOLDER / "others", images)
    first = train("first-run", "--recipe=demo", f"--data={FOLDER / 'first'}", "--epochs=8")
    others = [
        f"--data={FOLDER / 'others'}",
        "--recipe=finetune",
        "--set=optimizer.learning_rate=0.003",
        "--epochs=60",
        "--batch-size=15",
    ]
    weights = f"--weights={FOLDER / 'first-run' / 'best.keras'}"
    gently = ("--set=model.freeze=1", "--set=optimizer.layer_decay=0.7")
    tuned = train("tuned", *others, *gently, weights)
    scratch = train(
        "scratch",
        *others,
        "--set=model.weights=null",
        "--set=model.freeze=0",
        "--set=optimizer.layer_decay=1.0",
    )
    print(f"0 to 4, all training images:              {first:6.1%}")
    print(f"5 to 9, {images} images each, fine-tuned:      {tuned:6.1%}")
    print(f"5 to 9, {images} images each, from scratch:    {scratch:6.1%}")


if __name__ == "__main__":
    main()
