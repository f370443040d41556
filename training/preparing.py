"""What a run is made of, checked and settled before anything of it is written."""

import dataclasses

import keras
from keras.optimizers.schedules import LearningRateSchedule

import keras_resnets
from keras_resnets.data import ImageData

from . import frozen, networks, plan
from .cluster import Task
from .config import Config
from .data.balance import Balance
from .data.batches import steps_per_epoch
from .data.opening import open_checked
from .devices import Devices
from .objective import Objective, objective_of
from .optim.loss_scale import LossScale
from .optim.schedule import LearningRate
from .optim.update import Update
from .step import Learner
from .teacher import Teacher, identified


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a run is made of, before anything of it is written.

    Attributes:
        config: The run's config, settled.
        devices: The devices that share a batch.
        data: The images.
        balance: What makes every class count alike.
        objective: What the network learns to say.
        served: The network as it will be saved, without its first weights.
        steps: Number of steps of an epoch.
    """

    config: Config
    devices: Devices
    data: ImageData
    balance: Balance
    objective: Objective
    served: keras.Model
    steps: int


def prepared(config: Config, task: Task, images: ImageData | None = None) -> Prepared:
    """Checks a configuration, opens its images, settles what follows from these, and says so.

    Args:
        config: The run's config.
        task: Task of this process.
        images: Other images than the configuration names.

    Raises:
        UserError: For whatever the user can mend.
    """
    config = identified(config)
    devices = Devices.open(config, task)
    network = networks.built(config)
    data = images or open_checked(config.data, config.model.classes)
    balance = Balance.of(config.balance, data)
    objective = objective_of(
        multi_label=data.multi_label,
        label_smoothing=config.label_smoothing,
        class_weights=balance.class_weights,
    )
    served = networks.served(config, network, len(data.class_names), objective.activation)
    config = plan.settled(config, data.sizes["train"], networks.stages_of(served))
    config = frozen.settled(config, served, data)
    devices = Devices.open(config, task)  # the same ones, with the shares of the batch as it is now
    if task.is_chief:
        if images is None:
            print(data.summary())
        print(networks.start_in_words(config.model))
        print(frozen.in_words(config, served, data), end="")
    steps = steps_per_epoch(data, config.batch_size)
    if task.is_chief and balance.method != "none":
        print(balance.in_words())
    return Prepared(config, devices, data, balance, objective, served, steps)


def make_learner(
    ready: Prepared, *, curve: LearningRateSchedule | None = None, restored: bool = False
) -> Learner:
    """The network in training, and what becomes of its gradients. Call it in the strategy's scope.

    Args:
        ready: What the run is made of.
        curve: Learning rate by the step; the schedule's by default.
        restored: Whether all weights will come from a checkpoint of the run.
    """
    config, data = ready.config, ready.data
    network = networks.in_training(
        config, data.class_names, multi_label=data.multi_label, restored=restored
    )
    rule = config.optimizer
    curve = curve or LearningRate(rule.learning_rate, config.schedule, config.epochs, ready.steps)
    teacher = None
    if config.teacher is not None:
        teacher = Teacher(config.teacher, data.class_names, config.preprocessing)
    rates = None
    if rule.layer_decay < 1:
        rates = keras_resnets.layerwise_multipliers(network, rule.layer_decay)
    update = Update(
        rule,
        curve,
        network.trainable_variables,
        rates=rates,
        ema_decay=config.averaging.ema,
    )
    return Learner(
        network,
        update,
        objective=ready.objective,
        forward=networks.forward(network, config),
        teacher=teacher,
        loss_scale=LossScale() if config.precision == "mixed_float16" else None,
        accumulation=rule.accumulation,
        jit_compile=config.jit_compile,
    )
