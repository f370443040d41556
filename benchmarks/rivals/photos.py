"""From a folder of photos to a checked int8 file: our commands, and the rivals' as they document them.

    python -m benchmarks.rivals --only photos [--timm DIR] [--rounds 1]

1,000 drawn JPEGs of 500×375 in four classes, 2 epochs in batches of 16 at 224×224. No weights can be
fetched where this is run: the rivals start at random; ours from a network that is drawn, as they would
from a checkpoint, so that time is compared and accuracy is not. Whole commands are timed, with their
start, checks and evaluation. DIR is a checkout of timm, whose `train.py` is in no package.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from benchmarks.drawn import draw_photos
from benchmarks.rivals.environments import Environments
from benchmarks.rivals.process import EngineError, EngineProcess
from benchmarks.rivals.tasks import HOME
from keras_resnets._common.files import write_text
from keras_resnets._common.tables import table

PHOTOS, CLASSES, EPOCHS = 1000, 4, 2
LOOKS_APART = 1.0  # seconds; one at a process of 1.6 GB takes 27 ms, in which it gets no memory
START = """
import keras_resnets
from keras_resnets import Card, Preprocessing
keras_resnets.ReXNet100(weights=None, classes=3).save("start.keras")
Card("ReXNet100", ("a", "b", "c"), Preprocessing(size=224)).save("start.keras")
"""
Command = Sequence[str]


@dataclass(frozen=True)
class Way:
    """One way from photos to a file.

    Attributes:
        name: Name as the table says it.
        gmacs: Billions of multiply-accumulates of the network.
        environment: Environment whose programs run it.
        train: Command that trains; the first word is a program of the environment.
        export: Command that writes an int8 file.
        file: Where the file lies then, as a pattern.
    """

    name: str
    gmacs: float
    environment: str
    train: Command
    export: Command
    file: str


def ways(folder: Path, timm: Path | None) -> Iterator[Way]:
    """Ours first. `photos/` has a folder a class, `split/` the same photos in two splits."""
    shape = ("--epochs", str(EPOCHS), "--batch-size", "16", "--image-size", "224")
    for name, extra in (("keras_resnets", ()), ("keras_resnets --quick", ("--quick",))):
        yield Way(
            name,
            0.40,
            HOME,
            ("keras-resnets", "train", "photos", "--weights", "start.keras", *shape, *extra)
            + ("--run", "run"),
            ("keras-resnets", "export", "run", "--quantize", "int8"),
            "run/tflite/*.tflite",
        )
    for network, gmacs in (("yolo26n-cls", 0.2), ("yolo26s-cls", 0.75)):
        yield Way(
            f"ultralytics {network}",
            gmacs,
            "ultralytics",
            ("yolo", "classify", "train", "data=photos", f"model={network}.yaml", "device=cpu")
            + (f"epochs={EPOCHS}", "batch=16", "imgsz=224", f"project={folder}", "name=run"),
            ("yolo", "export", "model=run/weights/best.pt", "format=litert", "quantize=8")
            + ("data=photos", "imgsz=224"),
            "run/weights/**/*.tflite",
        )
    if timm is not None:
        yield Way(
            "timm rexnet_100, timmx",
            0.40,
            "timmx",
            ("python", str(timm.resolve() / "train.py"), "--data-dir", "split", "--device", "cpu")
            + ("--model", "rexnet_100", "--num-classes", str(CLASSES), "--img-size", "224")
            + ("-b", "16", "--epochs", str(EPOCHS), "-j", "2", "--output", ".")
            + ("--experiment", "run"),
            ("timmx", "export", "litert", "rexnet_100", "--checkpoint", "run/model_best.pth.tar")
            + ("--num-classes", str(CLASSES), "--mode", "int8", "--normalize", "--softmax")
            + ("--calibration-data", "split/train", "--output", "file.tflite"),
            "file.tflite",
        )


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds of wall and of CPU time, and the most bytes of its processes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def run(command: Command, python: Path, folder: Path, threads: int, log: TextIO) -> Cost:
    """Runs a command to its end.

    Raises:
        subprocess.CalledProcessError: Where it fails.
    """
    program = str(python if command[0] == "python" else python.with_name(command[0]))
    counts = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    log.write(f"$ {' '.join(command)}\n")
    log.flush()
    os.sync()  # else who writes next to the disk waits for what others have written
    before = os.times()
    start = time.perf_counter()
    process = subprocess.Popen(
        [program, *command[1:]],
        cwd=folder,
        env={
            **os.environ,
            **dict.fromkeys(counts, str(threads)),
            "KERAS_HOME": str(folder / "home"),
            "YOLO_OFFLINE": "true",
            "YOLO_CONFIG_DIR": str(folder),
        },
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    peak = _watched(process)
    seconds = time.perf_counter() - start
    after = os.times()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    cpu = sum(after[2:4]) - sum(before[2:4])  # of children, in user and system mode
    return Cost(seconds, cpu, peak)


def _watched(process: subprocess.Popen[bytes]) -> int:
    """Waits for a process; the most bytes that it held together with its children."""
    most, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(LOOKS_APART):
            most = max(most, _bytes_of(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    ended.set()
    watcher.join()
    return most


def _bytes_of(pid: int) -> int:
    """Bytes of a process and of all below it; what several share is divided among them."""
    total = 0
    with contextlib.suppress(OSError):  # it may end meanwhile
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += 1024 * int(rollup.split("Pss:")[1].split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(map(_bytes_of, map(int, (task / "children").read_text().split())))
    return total


def prepare(folder: Path, python: Path) -> None:
    """The photos in `photos/`, the same in `split/`, and the network that ours begins with."""
    if not (folder / "photos").is_dir():
        draw_photos(folder / "photos", PHOTOS, CLASSES, 500, 375)
    shutil.rmtree(folder / "split", ignore_errors=True)
    for place, photo in enumerate(sorted((folder / "photos").glob("*/*.jpg"))):
        split = "validation" if place % 5 == 0 else "train"
        link = folder / "split" / split / photo.parent.name / photo.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(photo)
    subprocess.run([python, "-c", START], cwd=folder, check=True)


def follow(way: Way, python: Path, folder: Path, threads: int, log: TextIO) -> list[str]:
    """Goes one way, and measures its file; a row of the table."""
    for made in ("run", "home", "photos_split"):  # the last by ultralytics
        shutil.rmtree(folder / made, ignore_errors=True)
    trained = run(way.train, python, folder, threads, log)
    exported = run(way.export, python, folder, threads, log)
    file = max(folder.glob(way.file), key=lambda path: path.stat().st_mtime)
    return [
        way.name,
        f"{way.gmacs:.2f}",
        f"{trained.seconds + exported.seconds:.0f} s",
        f"{trained.seconds:.0f} s",
        f"{trained.cpu_seconds:.0f} s",
        f"{EPOCHS * PHOTOS / trained.seconds:.1f}",
        f"{max(trained.peak_bytes, exported.peak_bytes) / 1e9:.2f} GB",
        f"{exported.seconds:.0f} s",
        f"{file.stat().st_size / 1e6:.1f} MB",
        f"{_latency(file, threads, log):.1f} ms",
    ]


HEAD = (
    *("", "GMACs", "photos to file", "training", "its CPU time", "images/s"),
    *("peak memory", "export", "file", "LiteRT"),
)


def _latency(file: Path, threads: int, log: TextIO) -> float:
    """Median milliseconds of an image in LiteRT."""
    python = Environments().python(HOME)
    command = [str(python), "-m", "benchmarks.rivals.engines.litert"]
    with EngineProcess(command, threads=threads, log=log) as engine:
        engine.prepare({"kind": "invoke", "file": str(file)})
        return statistics.median(engine.run(50))


def compare(options: argparse.Namespace, facts: Callable[[], Mapping[str, str]]) -> int:
    """Goes every way in turn, as many rounds as asked, and writes `photos.md`."""
    environments = Environments()
    folder = options.output.absolute() / "photos"
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, environments.python(HOME))
    rows: list[list[str]] = []
    absent = [] if options.timm else ["timm: name a checkout by --timm"]
    with open(folder / "output.txt", "w") as log:
        for _ in range(options.rounds or 1):
            for way in ways(folder, options.timm):
                try:
                    python = environments.python(way.environment)
                    rows.append(follow(way, python, folder, options.threads, log))
                except (OSError, EngineError, subprocess.CalledProcessError) as error:
                    absent.append(f"{way.name}: {error}")
                    continue
                print("  ".join(rows[-1]), flush=True)
    lines = [f"{name}: {value}" for name, value in facts().items()]
    lines += ["", table(list(HEAD), rows), "", *(f"Not in it: {reason}" for reason in absent)]
    write_text(folder / "photos.md", "\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0
