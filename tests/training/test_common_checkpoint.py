"""From which checkpoint several processes go on: each has a folder, and may lack what others have."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np
import pytest

from keras_resnets.errors import UserError
from training.devices import Devices
from training.going_on import newest_common
from training.run.checkpoint import Checkpoints, RunCheckpoint


class Together:
    """The devices of some processes, which are threads here: `least` waits for all."""

    def __init__(self, processes):
        self._values = []
        self._all_said = threading.Barrier(processes, timeout=10)
        self._all_heard = threading.Barrier(processes, timeout=10)

    def least(self, value):
        self._values.append(value)
        self._all_said.wait()
        found = min(self._values)
        if self._all_heard.wait() == 0:
            self._values.clear()
        self._all_said.wait()
        return found


def found_by_each(tmp_path, *steps_of):
    """The step that each process goes on from, or why it does not."""
    devices = cast(Devices, Together(len(steps_of)))

    def process(number):
        checkpoints = Checkpoints(tmp_path / str(number))
        for step in steps_of[number]:
            checkpoints.save(RunCheckpoint(step, {"network/kernel": np.ones(2)}, {"epoch": 0}))
        try:
            found = newest_common(checkpoints, devices, begun=bool(steps_of[number]))
        except UserError as error:
            return str(error)
        return found and found.step

    with ThreadPoolExecutor(len(steps_of)) as pool:
        return list(pool.map(process, range(len(steps_of))))


@pytest.mark.parametrize(
    ("steps_of", "expected"),
    [
        (((2, 4), (2, 4), (2, 4)), 4),
        (((4, 6), (2, 4), (4, 6)), 4),  # one was killed before it wrote
        (((2, 4), (4, 6)), 4),
        (((), ()), None),  # a run that begins
    ],
)
def test_all_go_on_from_the_newest_that_all_have(tmp_path, steps_of, expected):
    assert found_by_each(tmp_path, *steps_of) == [expected] * len(steps_of)


def test_processes_with_nothing_in_common_are_told_what_to_do(tmp_path):
    first, second, third = found_by_each(tmp_path, (2, 4), (2, 4), ())
    assert first == second
    assert "Copy checkpoints/ of the worker that has one" in first
    assert third is None  # begins, and waits for the others, who have ended


def test_checkpoints_of_other_steps_are_nothing_in_common(tmp_path):
    assert all("Received: none" in said for said in found_by_each(tmp_path, (3, 5), (2, 4)))
