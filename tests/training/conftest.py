"""A folder of tiny photos that a network can learn from, and training as a user starts it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

ROOT = Path(__file__).parents[2]

# One block of 8 planes on 16x16 pixels, over two logical CPUs, with all that is random.
TINY = {
    "model": {
        "name": "ResNeXt",
        "arguments": {
            "depths": [2],
            "planes": 8,
            "stem": "small",
            "stem_filters": 8,
            "drop_rate": 0.1,
            "drop_path_rate": 0.1,
            "drop_block_rate": 0.05,
        },
    },
    "preprocessing": {"size": 16, "crop_fraction": 1.0},
    "augmentation": {
        "flip": True,
        "shift": {"translation": 0.1},
        "mixup": 0.2,
        "crop": {"area": [0.6, 1.0]},
        "erasing": {},
    },
    "optimizer": {"learning_rate": 0.05, "weight_decay": 0.0005, "coupled": True},
    "schedule": {"drop_block": True},
    "averaging": {"ema": 0.9},
    "distribution": {"devices": 2, "sync_batch_norm": True},
    "saving": {"every": 2, "unit": "steps"},
    "epochs": 3,
    "batch_size": 8,
}
# Without what replicas draw on their own.
SAME_ON_ALL_REPLICAS = [
    *("--set", "model.arguments.drop_rate=0", "--set", "model.arguments.drop_path_rate=0"),
    *("--set", "model.arguments.drop_block_rate=0", "--set", "augmentation.mixup=0"),
]


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """Three classes of 20 PNGs: brighter in red, green or blue."""
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("photos")
    for channel, name in enumerate(("blue", "green", "red")):
        (root / name).mkdir()
        for index in range(20):
            pixels = rng.integers(0, 120, (16, 16, 3), dtype="uint8")
            pixels[..., 2 - channel] += 90
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="session")
def tiny_recipe(photos, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, "data": {"folder": str(photos)}}))
    return path


@pytest.fixture(scope="session")
def weights():
    """The weights of a run's last model."""
    import keras

    def read(run: Path) -> list[np.ndarray]:
        return keras.saving.load_model(run / "last.keras", compile=False).get_weights()

    return read


@pytest.fixture
def same_on_all_replicas() -> list[str]:
    return SAME_ON_ALL_REPLICAS


def environment() -> dict[str, str]:
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="session")
def finished(tiny_recipe, tmp_path_factory):
    """The folder and the process of a run that nothing interrupted."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    done = subprocess.run(
        [sys.executable, "-m", "training", "--recipe", tiny_recipe, "--run", run],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return run, done


@pytest.fixture
def command(tmp_path):
    """`python -m training …` in an empty folder."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training", *map(str, arguments)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def start(tmp_path):
    """The same, without waiting for its end."""
    started = []

    def run(
        *arguments: object, program: tuple[str, ...] = ("-m", "training"), **variables: str
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", *program, *map(str, arguments)],
            cwd=tmp_path,
            env={**environment(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def start_workers(start):
    """Processes that train together over the loopback, all of them or those named."""

    def run(
        *arguments: object,
        count: int = 2,
        ports: Sequence[int] | None = None,
        only: Sequence[int] | None = None,
    ) -> list[subprocess.Popen[str]]:
        cluster = {"worker": [f"localhost:{port}" for port in ports or free_ports(count)]}
        return [
            start(
                *(*arguments, "--strategy", "multiworker", "--devices", 1),
                TF_CONFIG=json.dumps(
                    {"cluster": cluster, "task": {"type": "worker", "index": index}}
                ),
            )
            for index in (range(count) if only is None else only)
        ]

    return run


@pytest.fixture(name="free_ports")
def _free_ports():
    return free_ports


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
