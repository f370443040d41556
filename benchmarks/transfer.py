"""What weights of other classes are worth: five classes of CIFAR-10 first, then five others, few photos.

    python -m benchmarks.transfer CIFAR [--photos 20 100 500] [--seeds 3] [--variants NAME …]

CIFAR is a folder of image files, `train/CLASS` and `test/CLASS`. A small ResNeXt learns airplane,
automobile, bird, cat and deer (`runs/transfer/source`, once). Then `keras-resnets train` learns the five
others from so many photos a class, drawn by the seed, in each of the variants; every model is measured
on the same 1,000 test photos of these classes. Prints each command, and tables of the mean and the
spread over the seeds: accuracy with the seconds of CPU time, and what the temperature does. Results
are kept in `runs/transfer/results.json`: what is there is not run again.
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
    "--set=model.arguments={depths: [1, 2, 3, 2], planes: 8, cardinality: 4, width: 16, "
    "stem: small, stem_filters: 16, zero_gamma: false}",
    "--set=preprocessing={size: 32, crop_fraction: 1.0, mean: [0.4914, 0.4822, 0.4465], "
    "std: [0.2470, 0.2435, 0.2616]}",
]
START = f"--weights={FOLDER / 'source'}"
Results = dict[str, dict[str, float]]
VARIANTS = {
    "default": [START],
    "classifier alone": [START, "--quick"],
    "from scratch": ["--weights=none", *NETWORK],
    "without augmentation": [START, "--set=augmentation={}"],
    "one rate for all stages": [START, "--set=optimizer.layer_decay=1"],
    "ends after 10 epochs that are no better": [START, "--set=patience=10"],
    "without early stopping": [START, "--set=patience=null"],
    "without the classifier first": [START, "--set=head=null"],
    "with an average of the weights": [START, "--set=averaging.ema=0.99"],
    "nothing frozen": [START, "--freeze=0"],
    "one stage learns": [START, "--freeze=4"],
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
    """Runs the command in this process; what its test photos say, and the seconds that it took."""
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
        "calibration_error": evaluation["calibration_error"],
        "without_temperature": evaluation["calibration_error_before"],
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


def show(results: Results, variants: list[str], counts: list[int]) -> None:
    """A row a variant, a column a number of photos."""

    def rows(measures: dict[str, str]) -> list[list[str]]:
        return [
            [v, *(_cell(results, f"{v}/{count}/", measures) for count in counts)] for v in variants
        ]

    head = ["", *(f"{count} a class" for count in counts)]
    print("\nAccuracy, and seconds of CPU time")
    print(table(head, rows({"accuracy": "{:.1%} ± {:.1%}", "cpu_seconds": "{:.0f} s"})))
    print("\nCalibration error without the temperature, and with it")
    print(table(head, rows({"without_temperature": "{:.1%}", "calibration_error": "{:.1%}"})))


def _cell(results: Results, prefix: str, measures: dict[str, str]) -> str:
    """Measures of the runs whose names begin so: their mean over the seeds, and their spread."""
    found = [result for name, result in results.items() if name.startswith(prefix)]
    if not found:
        return "–"
    parts = []
    for name, layout in measures.items():
        values = [result[name] for result in found]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        parts.append(layout.format(statistics.mean(values), spread))
    return ", ".join(parts)


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
