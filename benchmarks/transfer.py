"""What weights of other classes are worth: five classes of CIFAR-10 first, then five others, few photos.

    python -m benchmarks.transfer CIFAR [--photos 20 100 500] [--seeds 3] [--variants NAME …]

CIFAR is a folder of image files, `train/CLASS` and `test/CLASS`. A small ResNeXt learns airplane,
automobile, bird, cat and deer (`runs/transfer/source`, once). Then `keras-resnets train` learns the five
others from so many photos a class, drawn by the seed, in each of the variants; every model is measured
on the same 1,000 test photos of these classes. Prints each command, and a table of the mean and the
spread of the accuracy over the seeds. Results are kept in `runs/transfer/results.json`: what is there is
not run again.
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import statistics
import time
from pathlib import Path

from keras_resnets._common.console import command_line, prepare_tensorflow
from keras_resnets._common.files import write_text
from keras_resnets._common.tables import table

FOLDER = Path("runs/transfer")
KNOWN = ("airplane", "automobile", "bird", "cat", "deer")
NEW = ("dog", "frog", "horse", "ship", "truck")
TESTED = 200  # photos a class
NETWORK = [
    "--model=ResNeXt",
    "--set=model.arguments={depths: [1, 2, 2], planes: 16, cardinality: 8, width: 16, stem: small, "
    "stem_filters: 16, zero_gamma: false}",
    "--set=preprocessing={size: 32, crop_fraction: 1.0, mean: [0.4914, 0.4822, 0.4465], "
    "std: [0.2470, 0.2435, 0.2616]}",
]
START = f"--weights={FOLDER / 'source'}"
VARIANTS = {
    "default": [START],
    "classifier alone": [START, "--quick"],
    "from scratch": ["--weights=none", *NETWORK],
    "without augmentation": [START, "--set=augmentation={}"],
    "one rate for all stages": [START, "--set=optimizer.layer_decay=1"],
    "without early stopping": [START, "--set=patience=null"],
    "without the classifier first": [START, "--set=head=null"],
    "with an average of the weights": [START, "--set=averaging.ema=0.99"],
    "nothing frozen": [START, "--freeze=0"],
    "one stage learns": [START, "--freeze=3"],
    "augmented anew in each epoch": [START, "--set=cache.views=0"],
}


def link_photos(cifar: Path, folder: Path, classes: tuple[str, ...], count: int, seed: int) -> None:
    """A folder of links: so many training photos of each class, drawn by the seed, and test photos."""
    shutil.rmtree(folder, ignore_errors=True)
    for split, most in (("train", count), ("test", TESTED)):
        for name in classes:
            photos = sorted((cifar / split / name).iterdir())
            drawn = random.Random(seed).sample(photos, min(most, len(photos)))
            (folder / split / name).mkdir(parents=True)
            for photo in drawn if split == "train" else photos[:TESTED]:
                (folder / split / name / photo.name).symlink_to(photo.resolve())


def train(run: Path, *options: str) -> dict[str, float]:
    """Runs the command in this process; the test accuracy, and the seconds of wall and of CPU time."""
    import keras

    from keras_resnets.cli import main

    arguments = ["train", *options, f"--run={run}", "--set=deterministic=false"]
    print(command_line(*arguments), flush=True)
    keras.backend.clear_session()
    wall, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(arguments)
    if code:
        raise SystemExit(printed.getvalue())
    evaluation = json.loads((run / "evaluation.json").read_text("utf-8"))
    return {
        "accuracy": evaluation["top1"],
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
    }


def learn_source(cifar: Path, epochs: int) -> None:
    """The network that knows five classes, if it is not there; one that was stopped goes on."""
    if (FOLDER / "source" / "evaluation.json").is_file():
        return
    photos = FOLDER / "known"
    link_photos(cifar, photos, KNOWN, 5000, seed=0)
    schedule = "--set=schedule={name: cosine, warmup: 1}"
    options = ["--recipe=cifar10", f"--data={photos}", *NETWORK, schedule, f"--epochs={epochs}"]
    print(f"source: {train(FOLDER / 'source', *options)['accuracy']:.1%}", flush=True)


def show(results: dict[str, dict[str, float]], variants: list[str], counts: list[int]) -> None:
    """A row a variant, a column a number of photos: mean, spread over the seeds, and CPU seconds."""
    rows = []
    for variant in variants:
        cells = []
        for count in counts:
            found = [
                result for name, result in results.items() if name.startswith(f"{variant}/{count}/")
            ]
            accuracies = [100 * result["accuracy"] for result in found]
            if not accuracies:
                cells.append("–")
                continue
            spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
            seconds = statistics.mean(result["cpu_seconds"] for result in found)
            cells.append(f"{statistics.mean(accuracies):.1f} ± {spread:.1f} % ({seconds:.0f} s)")
        rows.append([variant, *cells])
    print("\n" + table(["", *(f"{count} a class" for count in counts)], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cifar", type=Path, metavar="CIFAR")
    parser.add_argument("--photos", type=int, nargs="+", default=[20, 100, 500])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--source-epochs", type=int, default=12)
    options = parser.parse_args()
    prepare_tensorflow()
    learn_source(options.cifar, options.source_epochs)
    kept = FOLDER / "results.json"
    results = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    for seed in range(options.seeds):
        for count in options.photos:
            photos = FOLDER / f"{count}-{seed}"
            link_photos(options.cifar, photos, NEW, count, seed)
            for variant in options.variants:
                name = f"{variant}/{count}/{seed}"
                if name not in results:
                    chosen = [str(photos), f"--seed={seed}", "--force", *VARIANTS[variant]]
                    results[name] = train(FOLDER / "run", *chosen)
                    write_text(kept, json.dumps(results, indent=1) + "\n")
    show(results, options.variants, options.photos)


if __name__ == "__main__":
    main()
