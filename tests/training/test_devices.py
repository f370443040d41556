"""With synchronised batch norm, one device, two devices and two processes are the same run."""

import json
import weakref

import numpy as np
import pytest
import tensorflow as tf
import yaml

from training.devices import Devices, Share, WorkerLost

# The real digits, moved about at random. Rounding grows with the rate: at 0.05, past 1e-4.
DIGITS = {
    "model": {
        "name": "ResNeXt",
        "arguments": {
            "depths": [1, 1],
            "planes": 8,
            "stem": "small",
            "stem_filters": 8,
            "zero_gamma": False,
        },
    },
    "preprocessing": {
        "size": 16,
        "crop_fraction": 1.0,
        "mean": [0.1307] * 3,
        "std": [0.3081] * 3,
    },
    "augmentation": {"shift": {"rotation": 12, "translation": 0.08, "zoom": 0.1}},
    "optimizer": {"learning_rate": 0.01, "clip": 0.5},
    "distribution": {"sync_batch_norm": True},
    "epochs": 1,
    "batch_size": 128,
}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "digits.yaml"
    data = {"dataset": "mnist_5k", "data_dir": str(tmp_path / "tfds")}
    path.write_text(yaml.safe_dump({**DIGITS, "data": data}))
    return path


def _history(run):
    return json.loads((run / "history.json").read_text())


def test_one_device_two_devices_and_two_processes_agree(
    start, start_workers, weights, recipe, tmp_path
):
    def finish(process):
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr

    # The first makes the data set, which the others read.
    finish(start("--recipe", recipe, "--strategy", "one", "--run", "one"))
    mirrored = start(
        *("--recipe", recipe, "--strategy", "mirrored", "--devices", 2, "--run", "mirrored")
    )
    finish(mirrored)
    for worker in start_workers("--recipe", recipe, "--run", "workers"):
        finish(worker)

    (expected,) = _history(tmp_path / "one")
    assert expected["loss"] < 2.3
    for name in ("mirrored", "workers"):
        (row,) = _history(tmp_path / name)
        for key in ("loss", "validation_loss"):
            assert row[key] == pytest.approx(expected[key], abs=1e-4)
        # Rounding alone tells the runs apart, and grows with each step; a variance of 10 is known
        # to fewer digits behind the point.
        for weight, other in zip(weights(tmp_path / name), weights(tmp_path / "one"), strict=True):
            np.testing.assert_allclose(weight, other, rtol=1e-4, atol=1e-4)


def test_what_a_lost_worker_leaves_open_is_freed_at_once():
    """A pool of threads, which Python could no longer free in good order at its end."""

    class Pool:
        pass

    pools = []

    def reduce():
        pool = Pool()
        pools.append(weakref.ref(pool))
        raise tf.errors.UnavailableError(None, None, "Collective ops is aborted")

    devices = Devices(strategy=None, share=Share(worker=0, workers=2))
    with pytest.raises(WorkerLost, match="Collective ops is aborted"), devices.together():
        reduce()
    assert pools[0]() is None
