"""With synchronised batch norm, one device, two devices and two processes are the same run."""

import json
import socket

import numpy as np
import pytest


def _history(run):
    return json.loads((run / "history.json").read_text())


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def test_one_device_two_devices_and_two_processes_agree(
    start, weights, tiny_recipe, same_on_all_replicas, tmp_path
):
    ports = _free_ports(2)
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    settings = ["--recipe", tiny_recipe, "--epochs", 2, *same_on_all_replicas]
    settings += ["--set", "optimizer.clip=0.5"]

    def finish(process):
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr

    finish(start(*settings, "--strategy", "one", "--devices", 1, "--run", "one"))
    finish(start(*settings, "--strategy", "mirrored", "--devices", 2, "--run", "mirrored"))
    workers = [
        start(
            *(*settings, "--strategy", "multiworker", "--devices", 1, "--run", "workers"),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    for worker in workers:
        finish(worker)

    expected = _history(tmp_path / "one")
    for name in ("mirrored", "workers"):
        for row, other in zip(_history(tmp_path / name), expected, strict=True):
            for key in ("loss", "validation_loss"):
                assert row[key] == pytest.approx(other[key], abs=1e-4)
        for weight, other in zip(weights(tmp_path / name), weights(tmp_path / "one"), strict=True):
            np.testing.assert_allclose(weight, other, atol=1e-4)
