"""The machine: which devices there are, and TensorFlow's strategy over them."""

import functools
from typing import Any

from keras_resnets.errors import UserError

from .config import Distribution


@functools.cache
def get_strategy(distribution: Distribution) -> Any:
    """The strategy of this process, a `tf.distribute.Strategy`.

    One object however often it is asked for: a second MirroredStrategy in a process would make the
    collectives of both wait for each other. To be called before TensorFlow does anything else.

    Raises:
        UserError: where the devices are not there, or TensorFlow has been started already.
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
