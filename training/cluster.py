"""The machines that train together, as `TF_CONFIG` or Slurm name them, and waiting for all of them.

TensorFlow is imported for Slurm's hosts alone.
"""

import contextlib
import dataclasses
import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from keras_resnets.errors import UserError

TF_CONFIG = "TF_CONFIG"
PORT = 8888  # of the first process on each of Slurm's hosts
PAUSE = 0.2  # seconds between two tries to reach another process
PATIENCE = 2.0  # seconds for one try
GREETING = "keras-resnets-worker"


@dataclasses.dataclass(frozen=True)
class Task:
    """This process among those that train together.

    Attributes:
        index: Number of the process, from 0; process 0 is the chief, which writes the run's files.
        addresses: `host:port` of each process; none where there is but one.
    """

    index: int = 0
    addresses: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of processes."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """Whether this one writes the run's files."""
        return self.index == 0


ALONE = Task()


class MissingWorker(UserError):
    """A process of the cluster did not start in time."""

    exit_code = 4


def task(strategy: str) -> Task:
    """This process's task, from `TF_CONFIG`, or from Slurm, where the strategy is `multiworker`.

    Under Slurm `TF_CONFIG` is set from `SLURM_PROCID` and its like, for TensorFlow to read.

    Raises:
        UserError: Where neither says it.
    """
    if strategy != "multiworker":
        return ALONE
    if not os.environ.get(TF_CONFIG) and "SLURM_PROCID" in os.environ:
        os.environ[TF_CONFIG] = json.dumps(_slurm())
    text = os.environ.get(TF_CONFIG, "")
    try:
        config = json.loads(text)
        cluster, mine = config["cluster"], config["task"]
        members = {
            (kind, index): str(address)
            for kind in ("chief", "worker")
            for index, address in enumerate(cluster.get(kind, []))
        }
        place = (mine["type"], int(mine["index"]))
        return Task(list(members).index(place), tuple(members.values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            "Expected the machines in TF_CONFIG, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}, or Slurm\'s variables, as srun sets them. '
            f"Received: TF_CONFIG={text!r}."
        ) from None


def _slurm() -> Mapping[str, Any]:
    """What `TF_CONFIG` would be for this process of a Slurm step."""
    import tensorflow as tf

    try:
        # GPUs are Slurm's to hand out, and those that a process sees are its own: the resolver would
        # count them by nvidia-smi.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=PORT, gpus_per_node=1024, gpus_per_task=1, auto_set_gpu=False
        )
        spec = resolver.cluster_spec().as_dict()
    except (RuntimeError, ValueError) as error:
        raise UserError(
            "Expected the processes of a Slurm step in SLURM_PROCID, SLURM_STEP_NUM_TASKS, "
            f"SLURM_STEP_NODELIST and SLURM_STEP_TASKS_PER_NODE. Received: {error}. Start by srun."
        ) from None
    return {
        "cluster": spec,
        "task": {"type": resolver.task_type, "index": resolver.task_id},
    }


def await_all(task: Task, minutes: float) -> None:
    """Returns once every process of the cluster has started.

    Each one listens at its address, where TensorFlow listens next, and knocks at all others until it
    has reached them and they have reached it: so none goes on that another one still looks for.

    Args:
        task: The task of this process.
        minutes: Minutes to wait.

    Raises:
        MissingWorker: Which names those that did not answer.
    """
    others = {index for index in range(task.count) if index != task.index}
    if not others:
        return
    end = time.monotonic() + 60 * minutes
    reached: set[int] = set()
    with _listening(task.addresses[task.index]) as heard:
        while True:
            for index in others - reached:
                if _knock(task.addresses[index], task.index):
                    reached.add(index)
            missing = sorted(others - (reached & heard))
            if not missing:
                return
            if time.monotonic() > end:
                break
            time.sleep(PAUSE)
    named = ", ".join(f"worker {index} at {task.addresses[index]}" for index in missing)
    raise MissingWorker(
        f"Expected all {task.count} workers within {minutes:g} minutes. Received at worker "
        f"{task.index}: no answer from {named}. Look whether it was started, and whether its address "
        "can be reached from here; --wait MINUTES waits longer."
    )


@contextlib.contextmanager
def _listening(address: str) -> Iterator[set[int]]:
    """Listens while the block lasts, and gives the numbers of those that have knocked so far."""
    try:
        server = socket.create_server(("", _place(address)[1]))
    except (OSError, ValueError) as error:
        raise UserError(
            f"Expected to listen at this worker's own address. Received: {address}: {error}. "
            "Is another process of the run still there?"
        ) from None
    heard: set[int] = set()

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # it was closed
            with connection, contextlib.suppress(OSError, ValueError):
                connection.settimeout(PATIENCE)
                greeting, _, number = connection.recv(64).decode("ascii").partition(" ")
                if greeting == GREETING:
                    heard.add(int(number))

    listener = threading.Thread(target=accept, daemon=True)
    listener.start()
    try:
        yield heard
    finally:
        # What waits in `accept` wakes by this alone.
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        listener.join(PATIENCE)


def _knock(address: str, number: int) -> bool:
    """Whether somebody listens at an address, who is then told this process's number."""
    try:
        with socket.create_connection(_place(address), timeout=PATIENCE) as connection:
            connection.sendall(f"{GREETING} {number}".encode("ascii"))
            return True
    except (OSError, ValueError):
        return False  # not started yet, or its name is not known yet


def _place(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not 0 < int(port) < 2**16:
        raise ValueError(f"{port} is no port")
    return host.strip("[]"), int(port)
