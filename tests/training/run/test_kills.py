"""A run that is killed, again and again, ends bit for bit as one that was not."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

DRIVER = str(Path(__file__).with_name("killed.py"))
POINTS = ("between_steps", "in_mid_write", "before_the_rename", "in_validation", "in_the_model")


def _kill_and_finish(start, points, arguments):
    for point in points:
        process = start(point, *arguments, program=(DRIVER,))
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, f"{point}: {stderr}"
    process = start(*arguments)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr


def _await(process, start):
    """The rest of the first line that begins so."""
    for line in process.stdout:
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(process.stderr.read())


def _assert_same(run, other, weights):
    for value, expected in zip(weights(run), weights(other), strict=True):
        np.testing.assert_array_equal(value, expected)
    rows, expected_rows = (json.loads((r / "history.json").read_text()) for r in (run, other))
    for row, expected in zip(rows, expected_rows, strict=True):
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            assert row[name] == expected[name]


def test_a_kill_while_a_checkpoint_is_written_leaves_no_trace(
    finished, start, weights, tiny_recipe, tmp_path
):
    run = tmp_path / "run"
    _kill_and_finish(start, ("in_mid_write",), ["--recipe", tiny_recipe, "--run", run])
    _assert_same(run, finished[0], weights)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["one", "mirrored"])
def test_kills_at_five_points_leave_no_trace(start, weights, tiny_recipe, tmp_path, strategy):
    settings = ["--recipe", tiny_recipe, "--strategy", strategy]
    _kill_and_finish(start, (), [*settings, "--run", tmp_path / "straight"])
    _kill_and_finish(start, POINTS, [*settings, "--run", tmp_path / "killed"])
    _assert_same(tmp_path / "killed", tmp_path / "straight", weights)


@pytest.mark.slow  # within one process: tests/training/test_going_on.py, the fixture `stopped`
def test_sigterm_saves_and_exits_with_its_own_code(start, tiny_recipe, tmp_path):
    process = start("--recipe", tiny_recipe, "--run", tmp_path / "run")
    _await(process, "epoch 1/")
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Continue by: keras-resnets resume" in stderr
    assert list((tmp_path / "run" / "checkpoints").glob("step-*.npz"))


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_and_a_death_ends_the_others(
    start_workers, tiny_recipe, tmp_path
):
    run = tmp_path / "run"
    arguments = ["--recipe", tiny_recipe, "--run", run, "--epochs", 1000]
    workers = start_workers(*arguments)
    _await(workers[0], "epoch 1/")
    workers[1].send_signal(signal.SIGTERM)
    for worker in workers:
        _, stderr = worker.communicate(timeout=200)
        assert worker.returncode == 128 + signal.SIGTERM, stderr
        assert stderr == "\nStopped. Continue by: the same command again, on all workers\n"
    newest = {
        max(path.stem for path in folder.glob("checkpoints/step-*.npz"))
        for folder in (run, run / "workers" / "1")
    }
    assert len(newest) == 1
    step = int(newest.pop().removeprefix("step-"))

    workers = start_workers(*arguments)
    epoch, rest = divmod(step, 6)
    assert _await(workers[0], "Continuing") == f"after {epoch} epochs and {rest} steps."
    _await(workers[0], "epoch ")
    workers[1].kill()
    _, stderr = workers[0].communicate(timeout=200)
    assert workers[0].returncode == 4, stderr
    assert stderr.startswith(
        "error: Expected all 2 workers to train to the end. Received: worker 0"
    )
    assert "start all of them again with the same command" in stderr
    assert stderr.count("\n") == 1


@pytest.mark.slow  # within one process: tests/training/test_going_on.py, among what is refused
def test_a_loss_that_is_not_finite_stops_the_run(start, tiny_recipe, tmp_path):
    process = start(
        *("--recipe", tiny_recipe, "--run", tmp_path / "run"),
        *("--set", "optimizer.learning_rate=1e30", "--set", "schedule.name=constant"),
    )
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 3, stderr
    assert "Received: NaN or infinity at step" in stderr
    assert "learning rate of 1e+30" in stderr
    assert "Traceback" not in stderr


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_leaves_what_was_whole(start, tiny_recipe, tmp_path):
    process = start(
        *("on_a_full_disk", "--recipe", tiny_recipe, "--run", tmp_path / "run"), program=(DRIVER,)
    )
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 2
    assert stderr.startswith("error: Expected room on the disk")
    assert "Traceback" not in stderr
    files = [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert files == ["step-00000002.npz"]
