"""Checkpoints are whole or passed over, and never more than two."""

import numpy as np
import pytest

from keras_resnets._common.files import written_aside
from training.run.checkpoint import Checkpoints, RunCheckpoint


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints")


def _checkpoint(value):
    return RunCheckpoint(value, {"network/kernel": np.full(1000, value)}, {"epoch": value})


def test_none_is_none(checkpoints):
    assert checkpoints.newest() is None


def test_the_newest_two_stay(checkpoints):
    for step in (9, 10, 100):
        checkpoints.save(_checkpoint(step))
    assert [path.stem for path in checkpoints.files()] == ["step-00000010", "step-00000100"]
    newest = checkpoints.newest()
    assert newest.progress == {"epoch": 100}
    np.testing.assert_array_equal(newest.variables["network/kernel"], np.full(1000, 100))
    assert checkpoints.newest(at_most=99).step == 10


def test_what_is_not_finite_is_never_saved(checkpoints):
    checkpoints.save(_checkpoint(1))
    with pytest.raises(FloatingPointError, match="network/kernel"):
        checkpoints.save(RunCheckpoint(2, {"network/kernel": np.array([1, np.nan])}, {}))
    assert checkpoints.newest().step == 1


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_broken_one_falls_back_with_a_warning(checkpoints, damage):
    for step in (1, 2):
        checkpoints.save(_checkpoint(step))
    path = checkpoints.files()[-1]
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 255
    path.write_bytes({"truncated": content[:-50], "flipped": content, "empty": b""}[damage])
    with pytest.warns(UserWarning, match="step-00000002.npz is broken"):
        assert checkpoints.newest().progress == {"epoch": 1}


def test_a_failed_write_leaves_the_file_before(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("before")

    def fill_the_disk():
        with written_aside(path) as aside:
            aside.write_text("half of")
            raise OSError("disk full")

    with pytest.raises(OSError, match="full"):
        fill_the_disk()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
