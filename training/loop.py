"""A run, from its configuration to its evaluation, top to bottom."""

import io
import math
import signal
import time

import tensorflow as tf

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

from . import networks, plan
from .cluster import Task
from .config import Config
from .data.balance import Balance
from .data.batches import (
    steps_per_epoch,
    training_batches,
    validation_batches,
)
from .data.identity import DataIdentity
from .data.opening import open_checked
from .devices import Devices, Share
from .objective import Objective, objective_of
from .optim.loss_scale import LossScale
from .optim.schedule import LearningRate
from .optim.swa import EqualAverage
from .optim.update import Update
from .reporting.calibrate import calibrate_run
from .reporting.evaluate import evaluate_run
from .reporting.progress import Progress
from .reporting.tensorboard import write_events
from .run.checkpoint import KEPT, Checkpoints, RunCheckpoint
from .run.folder import CHECKPOINTS, RunFolder
from .run.journal import Journal
from .run.models import SWA_STEPS, Models
from .run.signals import Stopped, StopRequests
from .run.state import decorrelate, read_state, write_state
from .step import Learner


class NotFinite(UserError):
    """The loss or a weight is no number any more."""

    exit_code = 3


def train(config: Config, folder: RunFolder, task: Task, *, data_changed: bool = False) -> None:
    """Trains, continuing from the newest checkpoint if any, then evaluates the best model.

    Args:
        config: The run's config.
        folder: This process's own folder.
        task: Task of this process.
        data_changed: Whether to go on with other images than the run had.

    Raises:
        UserError: For whatever the user can mend.
        Stopped: After a signal, once the state is saved.
    """
    # Whatever can be refused is refused before a file of the run is touched.
    devices = Devices.open(config, task)
    networks.check(config)
    data = open_checked(config.data, config.model.classes)
    config = plan.settled(config, data.sizes["train"])
    devices = Devices.open(config, task)  # the same ones, with the shares of the batch as it is now
    share = devices.share
    if task.is_chief:
        print(data.summary())
        print(networks.start_in_words(config.model))
    steps = steps_per_epoch(data, config.batch_size)
    balance = Balance.of(config.balance, data)
    if task.is_chief and balance.method != "none":
        print(balance.in_words())
    objective = objective_of(
        multi_label=data.multi_label,
        label_smoothing=config.label_smoothing,
        class_weights=balance.class_weights,
    )
    with devices.strategy.scope():
        learner = make_learner(config, data, steps, objective)
    decorrelate(learner, share.first_replica)
    served = networks.served(config, len(data.class_names), objective.activation)
    models = Models(folder, served, _card(config, data, folder))
    checkpoints = Checkpoints(folder / CHECKPOINTS, others=folder.run / CHECKPOINTS)
    identity = DataIdentity.of(data)
    average = EqualAverage()
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()

    with devices.together(), devices.strategy.scope(), StopRequests() as requests:
        folder.begin(config, needed=bytes_of_run(learner))
        devices.least(0)  # no process reads another's folder before all have begun
        journal = Journal()
        checkpoint = newest_common(checkpoints, devices)
        if checkpoint is not None:
            journal = restored(checkpoint, learner, average, identity, share, data_changed)
            print(f"Continuing after {journal.epoch} epochs and {journal.step} steps.")

        def save() -> None:
            checkpoints.save(
                RunCheckpoint(
                    journal.steps_done,
                    {**read_state(learner), **average.state()},
                    journal.to_dict(),
                    identity.to_dict(),
                    share.first_replica,
                )
            )

        training = iter(
            devices.distribute(lambda: training_batches(data, config, journal.position, share))
        )
        validation = devices.distribute(
            lambda: validation_batches(data, "validation", config, share)
        )
        progress = Progress(
            config.epochs, steps, config.batch_size, None if task.is_chief else io.StringIO()
        )
        try:
            while not journal.is_over(config.epochs, config.patience):
                epoch = journal.epoch
                if config.schedule.drop_block:
                    grown = epoch / max(config.epochs - 1, 1)
                    networks.set_drop_block_rate(learner.network, grown)
                clock = time.perf_counter()
                for _ in range(journal.step, steps):
                    sums = learner.step(next(training), stop=requests.received is not None)
                    stop = sums.pop("stop") > 0
                    journal.add_step(sums, -clock + (clock := time.perf_counter()))
                    if not math.isfinite(sums["loss"]):
                        raise FloatingPointError("the loss")
                    progress.step(
                        epoch,
                        journal.step,
                        {**journal.means(), "learning_rate": learner.update.last_rate()},
                    )
                    if stop or is_due(config, "steps", journal.steps_done):
                        save()
                    if stop:
                        # Where the signal went to another process, SIGTERM stands for it.
                        raise Stopped(requests.received or signal.SIGTERM)

                with learner.averaged():
                    measured = learner.measure(validation)
                    weights = learner.weights()
                is_best = journal.end_epoch(
                    measured, learner.update.last_rate(), learner.objective.chosen_by
                )
                swa_from = config.averaging.swa_from
                if swa_from is not None and journal.epoch >= swa_from:
                    average.add(weights)
                if task.is_chief:
                    models.save(weights, is_best=is_best)
                    folder.write_history(journal.rows)
                    if config.tensorboard:
                        write_events(folder / "tensorboard", journal.rows[-1])
                is_over = journal.is_over(config.epochs, config.patience)
                if is_over or is_due(config, "epochs", journal.epoch):
                    save()
                progress.epoch(epoch, journal.rows[-1])
            if task.is_chief and journal.epoch < config.epochs:
                print(
                    f"Ended after {journal.epoch} of {config.epochs} epochs: none was better than "
                    f"epoch {journal.best_epoch} in the last {config.patience}."
                )
        except FloatingPointError as error:
            raise NotFinite(_not_finite(journal, learner, folder)) from error
        if requests.received is not None:
            raise Stopped(requests.received)  # it came after the last step, and all is saved

    if task.is_chief:
        some = training_batches(data, config).take(min(steps, SWA_STEPS))
        models.save_average(average, some)
        calibrate_run(folder.path, data, config.batch_size, config.coverage)
        result = evaluate_run(folder, data, config.batch_size)
        print(f"The best model has {result.verdict}.")
        if result.split != "test":
            print("There is no test split: these images have also chosen the best epoch.")
    folder.finish()


def make_learner(
    config: Config, data: ImageData, steps_per_epoch: int, objective: Objective
) -> Learner:
    """The network in training, and what becomes of its gradients. Call it in the strategy's scope."""
    network = networks.in_training(config, data.class_names, multi_label=data.multi_label)
    rule = config.optimizer
    curve = LearningRate(rule.learning_rate, config.schedule, config.epochs, steps_per_epoch)
    update = Update(
        rule,
        curve,
        network.trainable_variables,
        rates=keras_resnets.layerwise_multipliers(network, rule.layer_decay),
        ema_decay=config.averaging.ema,
    )
    return Learner(
        network,
        update,
        objective=objective,
        loss_scale=LossScale() if config.precision == "mixed_float16" else None,
        accumulation=rule.accumulation,
        jit_compile=config.jit_compile,
    )


def newest_common(checkpoints: Checkpoints, devices: Devices) -> RunCheckpoint | None:
    """The newest checkpoint that every process can read, or `None`."""
    at_most = None
    while True:
        checkpoint = checkpoints.newest(at_most)
        step = -1 if checkpoint is None else checkpoint.step
        common = devices.least(step)
        # All go round as often: the least of whether all are there is the same everywhere.
        if devices.least(int(step == common)):
            return checkpoint
        at_most = common


def restored(
    checkpoint: RunCheckpoint,
    learner: Learner,
    average: EqualAverage,
    identity: DataIdentity,
    share: Share,
    data_changed: bool,
) -> Journal:
    """Fills the learner and the average from a checkpoint, and returns how far it had come.

    Raises:
        UserError: Where the run had other images, and that was not said to be meant.
    """
    journal = Journal.from_dict(checkpoint.progress, checkpoint.step)
    changes: list[str] = []
    if checkpoint.data:
        before = DataIdentity.from_dict(checkpoint.data)
        changes = identity.changes(before)
        if classes := identity.changed_classes(before):
            raise UserError(
                f"Expected the classes that the run was trained on. Received: {classes}. Give the "
                "folders their names back, or train a new run: --weights RUN/best.keras begins "
                "with what this one has learned."
            )
    if changes and not data_changed:
        raise UserError(
            f"Expected the images that the run was trained on. Received: {'; '.join(changes)}. "
            "Go on with these by --data-changed: the epoch begins again, and the best model is "
            "chosen among the epochs to come."
        )
    variables = dict(checkpoint.variables)
    average.restore(variables)
    write_state(
        learner,
        variables,
        saved_from=checkpoint.first_replica,
        first_replica=share.first_replica,
    )
    if changes:
        journal.go_on_with_other_data()
        learner.update.go_to(journal.epoch)
    return journal


def is_due(config: Config, unit: str, count: int) -> bool:
    """Whether a checkpoint is to be written after so many epochs or steps."""
    return config.saving.unit == unit and count % config.saving.every == 0


def bytes_of_run(learner: Learner) -> int:
    """What the disk must hold: the checkpoints kept and one more, the models, and the pictures."""
    held = sum(
        v.value.dtype.size * math.prod(v.shape) for vs in learner.state().values() for v in vs
    )
    network = sum(4 * math.prod(v.shape) for v in learner.network.variables)
    return int((KEPT + 1) * held + 3 * network) + 2 * 2**20


def _card(config: Config, data: ImageData, folder: RunFolder) -> Card:
    first = {} if folder.origin is None else folder.origin.provenance
    return Card(
        architecture=config.model.name,
        class_names=data.class_names,
        preprocessing=config.preprocessing,
        data=config.data.arguments(),
        provenance={"made_by": "keras-resnets train", "recipe": config.name, **first},
        multi_label=data.multi_label,
    )


def _not_finite(journal: Journal, learner: Learner, folder: RunFolder) -> str:
    return (
        f"Expected a finite loss and finite weights. Received: NaN or infinity at step "
        f"{journal.step} of epoch {journal.epoch + 1}, with a learning rate of "
        f"{learner.update.last_rate():.3g}. What was reached before is kept in {folder.path}. "
        "Start again with a lower optimizer.learning_rate, a longer schedule.warmup, or "
        "optimizer.clip=1."
    )
