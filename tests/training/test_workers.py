"""Three processes over the loopback: late, killed, started again, and then fewer."""

import json
import shutil
import signal

import numpy as np
import pytest

from training.run.checkpoint import Checkpoints

WITHOUT_DRAWS = [
    *("--set", "model.arguments.drop_rate=0", "--set", "model.arguments.drop_path_rate=0"),
    *("--set", "model.arguments.drop_block_rate=0", "--set", "augmentation.mixup=0"),
    *("--set", "schedule.drop_block=false", "--batch-size", 12),
]


def _end(processes, code=0):
    outputs = [process.communicate(timeout=300) for process in processes]
    for process, (_, stderr) in zip(processes, outputs, strict=True):
        assert process.returncode == code, stderr
    return outputs


def _await(process, start):
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(process.stderr.read())


@pytest.mark.slow
def test_three_workers_survive_one_and_end_as_two_or_one(
    start, start_workers, weights, tiny_recipe, tmp_path, free_ports
):
    run, ports = tmp_path / "run", free_ports(3)
    arguments = ["--recipe", tiny_recipe, *WITHOUT_DRAWS, "--run", run, "--epochs", 12]
    workers = start_workers(*arguments, count=3, ports=ports)
    _await(workers[0], "epoch 2/")
    workers[2].kill()
    for _, stderr in _end(workers[:2], 4):
        assert "Expected all 3 workers to train to the end." in stderr
        assert stderr.count("\n") == 1

    # Two wait for the third, which comes later.
    workers = start_workers(*arguments, count=3, ports=ports, only=[0, 1])
    _await(workers[0], "Run folder:")
    workers += start_workers(*arguments, count=3, ports=ports, only=[2])
    assert int(_await(workers[0], "Continuing after ").split()[0]) >= 1
    _await(workers[0], "epoch 6/")
    workers[1].send_signal(signal.SIGTERM)
    _end(workers, 128 + signal.SIGTERM)
    assert {
        Checkpoints(folder / "checkpoints").newest().step
        for folder in (run, run / "workers" / "1", run / "workers" / "2")
    } == {Checkpoints(run / "checkpoints").newest().step}

    # A worker that is never started is named.
    (lonely,) = start_workers(*arguments, "--wait", 0.05, count=3, ports=ports, only=[0])
    ((_, stderr),) = _end([lonely], 4)
    assert f"no answer from worker 1 at localhost:{ports[1]}, worker 2 at" in stderr

    # It ends with two of them, and, from the same place, on one device: the batches are the same.
    place = tmp_path / "alone"
    shutil.copytree(run, place)
    _end([start("resume", place, "--strategy", "one")])
    _end(start_workers(*arguments, count=2))
    for value, other in zip(weights(run), weights(place), strict=True):
        np.testing.assert_allclose(value, other, atol=2e-2)
    rows, others = (json.loads((r / "history.json").read_text()) for r in (run, place))
    assert len(rows) == len(others) == 12
    assert rows[5]["loss"] == others[5]["loss"]
    assert rows[-1]["loss"] == pytest.approx(others[-1]["loss"], rel=0.05)
