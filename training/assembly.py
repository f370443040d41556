"""The parts of a run, made from its configuration in the right order and place."""

from typing import Any

import keras

import keras_resnets
from keras_resnets.errors import UserError

from . import networks
from .cluster import Task
from .config import Config
from .data.batches import Share
from .optim.averaging import Ema, SlowWeights
from .optim.loss_scale import LossScale
from .optim.rules import Decay, make_optimizer
from .optim.schedule import LearningRate
from .step import Learner


def make_share(config: Config, task: Task, replicas: int) -> Share:
    """What this process computes of each batch.

    Args:
        replicas: over all processes.

    Raises:
        UserError: where the batch does not come out even.
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


def make_learner(config: Config, classes: int, steps_per_epoch: int, strategy: Any) -> Learner:
    """The network in training, its optimizer and what is kept beside its weights."""
    settings = config.optimizer
    if config.jit_compile and not _can_compile(strategy):
        raise UserError(
            "Expected jit_compile only on one GPU: on CPUs it slows grouped convolutions down, and "
            "Keras' step cannot be compiled over several devices. Received: jit_compile=true on "
            f"{', '.join(strategy.extended.worker_devices)}."
        )
    rate = LearningRate(settings.learning_rate, config.schedule, config.epochs, steps_per_epoch)
    with strategy.scope():
        network = make_network(config, classes, served=False)
        networks.freeze(network, config.model.freeze)
        variables = network.trainable_variables
        optimizer = make_optimizer(settings, rate)
        optimizer.build(variables)
        ema = None if config.averaging.ema is None else Ema(variables, config.averaging.ema)
        ahead = settings.lookahead
        slow = None if ahead is None else SlowWeights(variables, ahead.steps, ahead.share)
        loss_scale = LossScale() if config.precision == "mixed_float16" else None
    if config.distribution.sync_batch_norm:
        networks.synchronize_batch_norm(network)
    return Learner(
        network,
        optimizer,
        schedule=rate,
        decay=Decay.of(settings),
        clip=settings.clip,
        label_smoothing=config.label_smoothing,
        accumulation=settings.accumulation,
        rates=keras_resnets.layerwise_multipliers(network, settings.layer_decay),
        ema=ema,
        slow=slow,
        loss_scale=loss_scale,
        jit_compile=config.jit_compile,
    )


def make_network(config: Config, classes: int, *, served: bool) -> keras.Model:
    """The network: in training, from its first weights to logits; or served, to probabilities."""
    model = config.model.model_copy(update={"weights": None}) if served else config.model
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if served else config.precision)
    try:
        return networks.build(
            model,
            classes=classes,
            size=config.preprocessing.size,
            activation="softmax" if served else None,
            seed=config.seed,
        )
    finally:
        keras.config.set_dtype_policy(before)


def _can_compile(strategy: Any) -> bool:
    devices = strategy.extended.worker_devices
    return len(devices) == 1 and "GPU" in devices[0] and strategy.num_replicas_in_sync == 1
