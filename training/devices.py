"""What a run computes on: TensorFlow's strategy over the devices, and a process's share of a batch."""

import contextlib
import dataclasses
import functools
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from keras_resnets.errors import UserError

from .cluster import Task
from .config import Config, Distribution


@dataclasses.dataclass(frozen=True)
class Share:
    """What this process computes of each global batch.

    Attributes:
        worker: Number of this process, from 0.
        workers: Number of processes that share the batch.
        replicas: Number of devices of each.
    """

    worker: int = 0
    workers: int = 1
    replicas: int = 1

    @property
    def first_replica(self) -> int:
        """Number, over all processes, of this process's first replica."""
        return self.worker * self.replicas

    def replica_batch(self, batch_size: int) -> int:
        """Images of a step that one device computes."""
        return batch_size // (self.workers * self.replicas)


WHOLE = Share()


class WorkerLost(UserError):
    """Another process of the cluster is gone."""

    exit_code = 4


@dataclasses.dataclass(frozen=True)
class Devices:
    """The devices of a run.

    Attributes:
        strategy: A `tf.distribute.Strategy`.
        share: This process's share.
    """

    strategy: Any
    share: Share

    @classmethod
    def open(cls, config: Config, task: Task) -> "Devices":
        """Finds the devices. To be called before TensorFlow does anything else.

        Raises:
            UserError: Where they are not there, or do not divide the batch evenly.
        """
        strategy = get_strategy(config.distribution)
        if config.jit_compile and not _can_compile(strategy):
            raise UserError(
                "Expected jit_compile only on one GPU: on CPUs it slows grouped convolutions down, "
                "and no step is compiled over several devices. Received: jit_compile=true on "
                f"{', '.join(strategy.extended.worker_devices)}."
            )
        replicas = strategy.num_replicas_in_sync
        return cls(strategy, share_of(config, task, replicas))

    def distribute(self, batches: Callable[[], Any]) -> Any:
        """A data set of replicas' batches, handed out to the devices."""
        return self.strategy.distribute_datasets_from_function(lambda _: batches())

    def least(self, value: int) -> int:
        """The least of all processes' values."""
        if self.share.workers == 1:
            return value
        import tensorflow as tf

        return int(tf.reduce_min(self.strategy.gather(tf.constant([value]), axis=0)))

    def from_chief(self, values: Any) -> Any:
        """The chief's array in all processes, whatever theirs is; of one shape everywhere."""
        if self.share.workers == 1:
            return values
        import tensorflow as tf

        return self.strategy.gather(tf.constant(values)[None], axis=0)[0].numpy()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Says what it means that a collective operation fails.

        Raises:
            WorkerLost: Where another worker does not answer any more.
        """
        import tensorflow as tf

        workers = self.share.workers
        try:
            yield
        except (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.InternalError,
        ) as error:
            if workers == 1:
                raise
            # TensorFlow leaves a pool of threads open there: freed at Python's very end, that would
            # complain of a bad file descriptor.
            traceback.clear_frames(error.__traceback__)
            # TensorFlow's message begins with the places in the program.
            lines = error.message.splitlines()
            reason = next((line for line in lines if "aborted" in line), lines[-1])
            raise WorkerLost(
                f"Expected all {workers} workers to train to the end. Received: worker "
                f"{self.share.worker} does not hear from another one any more ({reason}). Look at "
                "that one's last lines, then start all of them again with the same command: the run "
                "goes on from its last checkpoint."
            ) from error


def share_of(config: Config, task: Task, replicas: int) -> Share:
    """What a process computes of each batch.

    Args:
        config: The run's config.
        task: Task of the process.
        replicas: Number of devices over all processes.

    Raises:
        UserError: Where the batch does not come out even.
    """
    parts = replicas * config.optimizer.accumulation
    if config.batch_size % parts:
        raise UserError(
            f"Expected a batch_size that {replicas} devices with "
            f"{config.optimizer.accumulation} parts each divide evenly. "
            f"Received: batch_size={config.batch_size}. "
            f"Take {max(parts, config.batch_size - config.batch_size % parts)}."
        )
    return Share(task.index, task.count, replicas // task.count)


@functools.cache
def get_strategy(distribution: Distribution) -> Any:
    """The strategy of this process.

    One object however often it is asked for: a second MirroredStrategy in a process would make the
    collectives of both wait for each other.
    """
    make = {"one": _one, "mirrored": _mirrored, "multiworker": _multiworker, "tpu": _tpu}
    return make[distribution.strategy](distribution.devices)


def _one(_: int | None) -> Any:
    import tensorflow as tf

    return tf.distribute.OneDeviceStrategy(_devices(1)[0])


def _mirrored(devices: int | None) -> Any:
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(_devices(devices))


def _multiworker(devices: int | None) -> Any:
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        _divide_cpu(devices or 1)
    return tf.distribute.MultiWorkerMirroredStrategy()


def _tpu(_: int | None) -> Any:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"Expected a TPU for distribution.strategy=tpu. Received: {error}. "
            "Leave the strategy out to train on GPUs or CPUs."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _devices(count: int | None) -> list[str]:
    """So many GPUs, or all; on a machine without, so many logical CPUs, or one."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        _divide_cpu(count or 1)
        return [f"CPU:{index}" for index in range(count or 1)]
    if count is not None and count > len(gpus):
        raise UserError(
            f"Expected at most the {len(gpus)} GPUs of this machine. Received: devices={count}."
        )
    return [f"GPU:{index}" for index in range(count or len(gpus))]


def _divide_cpu(devices: int) -> None:
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    present = tf.config.get_logical_device_configuration(cpu) or [None]
    if devices <= len(present):
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * devices
        )
    except RuntimeError:
        raise UserError(
            "Expected to divide the CPU before TensorFlow uses it. "
            f"Received: devices={devices} in a process that runs TensorFlow already."
        ) from None


def _can_compile(strategy: Any) -> bool:
    devices = strategy.extended.worker_devices
    return len(devices) == 1 and "GPU" in devices[0] and strategy.num_replicas_in_sync == 1
