"""Who trains together, from `TF_CONFIG` or Slurm, and waiting for those that are late."""

import json
import socket
import threading
import time

import pytest

from keras_resnets.errors import UserError
from training.cluster import ALONE, MissingWorker, Task, await_all, task

HOSTS = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    # Set, so that what `task` sets for TensorFlow is taken back.
    monkeypatch.setenv("TF_CONFIG", "")


def _set(monkeypatch, **values):
    monkeypatch.setenv("TF_CONFIG", json.dumps(values))


def test_one_process_needs_nothing():
    assert task("mirrored") == ALONE
    assert ALONE.is_chief
    assert ALONE.count == 1


def test_tf_config_counts_the_chief_first(monkeypatch):
    _set(monkeypatch, cluster=HOSTS, task={"type": "worker", "index": 1})
    assert task("multiworker") == Task(2, ("c:3", "a:1", "b:2"))
    _set(monkeypatch, cluster=HOSTS, task={"type": "chief", "index": "0"})
    assert task("multiworker").is_chief


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "3", '{"cluster": {}}', '{"cluster": 3, "task": {}}'),
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "x"}}',
    ],
)
def test_a_tf_config_that_says_nothing_is_refused(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="Expected the machines in TF_CONFIG"):
        task("multiworker")


def test_slurms_variables_are_enough(monkeypatch):
    for name, value in {
        "SLURM_PROCID": "2",
        "SLURM_STEP_NUM_TASKS": "3",
        "SLURM_STEP_NODELIST": "node[07-08]",
        "SLURM_STEP_TASKS_PER_NODE": "2,1",
    }.items():
        monkeypatch.setenv(name, value)
    expected = ("node07:8888", "node07:8889", "node08:8888")
    assert task("multiworker") == Task(2, expected)
    monkeypatch.setenv("TF_CONFIG", "")
    monkeypatch.delenv("SLURM_STEP_NODELIST")
    with pytest.raises(UserError, match="SLURM_STEP_NODELIST not found .* Start by srun"):
        task("multiworker")


@pytest.fixture
def addresses():
    sockets = [socket.create_server(("localhost", 0)) for _ in range(3)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return tuple(f"localhost:{port}" for port in ports)


def test_all_go_on_once_the_last_has_come(addresses):
    arrived = []

    def start(index, delay):
        time.sleep(delay)
        await_all(Task(index, addresses), minutes=1)
        arrived.append(index)

    threads = [threading.Thread(target=start, args=(i, i * 0.3)) for i in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    assert arrived == []
    start(2, 0)
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(arrived) == [0, 1, 2]
    # The port is free again: TensorFlow listens there next.
    socket.create_server(("", int(addresses[0].split(":")[1]))).close()


def test_the_missing_are_named(addresses):
    found = []

    def start(index):
        with pytest.raises(MissingWorker) as caught:
            await_all(Task(index, addresses), minutes=0.03)
        found.append(str(caught.value))
        assert caught.value.exit_code == 4

    threads = [threading.Thread(target=start, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 2
    for message in found:
        assert f"no answer from worker 2 at {addresses[2]}." in message
        assert "worker 1 at" not in message
        assert "worker 0 at" not in message


def test_somebody_else_at_an_address_is_no_worker(addresses):
    with (
        socket.create_server(("", int(addresses[1].split(":")[1]))),
        pytest.raises(MissingWorker, match="no answer from worker 1 at"),
    ):
        await_all(Task(0, addresses[:2]), minutes=0)


@pytest.mark.parametrize(
    "address", ["localhost:x", "localhost:99999", "localhost", "no.such.host:1"]
)
def test_an_address_that_is_none_is_one_nobody_answers_at(addresses, address):
    with pytest.raises(MissingWorker, match="no answer from worker 1"):
        await_all(Task(0, (addresses[0], address)), minutes=0)
    if "such" not in address:
        with pytest.raises(UserError, match="Expected to listen at this worker's own address"):
            await_all(Task(1, (addresses[0], address)), minutes=0)
