"""A run, from its configuration to its evaluation, top to bottom."""

import contextlib
import dataclasses
import functools
import io
import math
import signal
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

import keras_resnets
from keras_resnets._common.console import command_line
from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

from . import folds, frozen, networks, plan
from .cluster import Task
from .config import Config
from .data.balance import Balance
from .data.batches import steps_per_epoch, training_batches
from .data.identity import DataIdentity
from .data.looking import look_first
from .data.opening import open_checked, photos_named
from .devices import Devices, Share
from .feeds import Feed, make_feed
from .head import HeadTraining, train_head
from .objective import Objective, objective_of, weighted
from .optim.loss_scale import LossScale
from .optim.schedule import LearningRate
from .optim.swa import EqualAverage
from .optim.update import Update
from .reporting.calibrate import calibrate_run
from .reporting.evaluate import evaluate_run
from .reporting.progress import Progress
from .reporting.tensorboard import write_events
from .run.checkpoint import KEPT, Checkpoints, RunCheckpoint
from .run.folder import CHECK, CHECKPOINTS, RunFolder
from .run.journal import Journal
from .run.models import SWA_STEPS, Models
from .run.signals import Stopped, StopRequests
from .run.state import decorrelate, read_state, write_state
from .step import Learner
from .teacher import Teacher, identified

FEW = 100  # images, whose share right is known to ten points or so
NOTHING_COMMON = (
    "Expected a checkpoint that all workers can read, to go on from. Received: none. Copy checkpoints/ "
    "of the worker that has one into the folders of the others, or begin anew by --force."
)
FOR_RANGES = 512  # images that set the ranges from which training for int8 begins


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
    ready = prepared(config, task)
    config, data = ready.config, ready.data
    folds.check(config, data, task)
    models = fit(ready, folder, task, data_changed=data_changed)
    if task.is_chief:
        with photos_named(data, command_line("resume", folder.run)):
            if config.folds:
                alone = config.model_copy(update={"folds": None})
                estimate = folds.cross_validate(
                    config.folds,
                    folder,
                    data,
                    lambda own, images: fit(
                        prepared(alone, task, images), own, task, data_changed=data_changed
                    ),
                    alone,
                )
                print(f"Of networks that did not see them, {estimate.verdict}.")
            result = evaluate_run(models, data)
        print(f"The best model has {result.verdict}.")
        if result.split != "test":
            print("There is no test split: these images have also chosen the best epoch.")
        if result.images < FEW and not config.folds:
            print("So few tell little: --folds 5 measures on all training and validation images.")
    folder.finish()


def fit(ready: "Prepared", folder: RunFolder, task: Task, *, data_changed: bool = False) -> Models:
    """Trains to the end, and calibrates the models.

    Args:
        ready: What the run is made of.
        folder: This process's own folder.
        task: Task of this process.
        data_changed: Whether to go on with other images than the run had.

    Raises:
        UserError: For whatever the user can mend.
        Stopped: After a signal, once the state is saved.
    """
    config, devices, data, steps = ready.config, ready.devices, ready.data, ready.steps
    checkpoints = Checkpoints(folder / CHECKPOINTS, others=folder.run / CHECKPOINTS)
    with devices.strategy.scope():
        # The checkpoints of a run that is about to be overwritten are not this one's.
        begun = not folder.replaces and checkpoints.any_whole()
        learner = make_learner(ready, restored=begun)
    if config.quantize and not begun:
        first = training_batches(data, config).take(-(-FOR_RANGES // config.batch_size))
        networks.set_ranges(learner.network, config, first)
    decorrelate(learner, devices.share.first_replica)
    models = Models(folder, ready.served, _card(config, data, folder))
    identity = DataIdentity.of(data)
    average = EqualAverage()
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()

    reading = functools.partial(photos_named, data, command_line("resume", folder.run))
    with reading(), devices.together(), devices.strategy.scope(), StopRequests() as requests:
        folder.begin(config, needed=bytes_of_run(learner))
        devices.least(0)  # no process reads another's folder before all have begun
        journal = Journal()
        checkpoint = newest_common(checkpoints, devices)
        if begun and checkpoint is None:
            raise UserError(NOTHING_COMMON)
        if checkpoint is not None:
            journal = restored(checkpoint, learner, average, identity, devices.share, data_changed)
            print(f"Continuing after {journal.epoch} epochs and {journal.step} steps.")
        if task.is_chief and data.photos:
            print(
                "".join(f"{line}\n" for line in look_first(data, config.data, folder / CHECK)),
                end="",
            )
        models.assign(learner.weights())

        def check() -> None:
            """Ends a computation at a signal; of several processes all go on to the next step."""
            if devices.share.workers == 1:
                requests.check()

        feed = make_feed(models.network, data, ready.balance, config, devices, check)
        progress = Progress(
            config.epochs, steps, config.batch_size, None if task.is_chief else io.StringIO()
        )
        run = Run(
            *(config, folder, devices, learner, models, checkpoints, identity, average, journal),
            *(requests, feed, progress, steps, ready.balance, task.is_chief),
        )
        try:
            if config.head is not None and not journal.head:
                run.train_classifier(config.head.views)
            while not journal.is_over(config.last_epoch, config.patience):
                run.train_epoch()
        except FloatingPointError as error:
            raise NotFinite(_not_finite(journal, learner, folder)) from error
        if requests.received is not None:
            raise Stopped(requests.received)  # it came after the last step, and all is saved

    if task.is_chief:
        if journal.epoch < config.last_epoch:
            print(_ended_early(journal, config))
        with reading():
            if average.count:
                some = training_batches(data, config).take(min(steps, SWA_STEPS))
                models.save_average(average, *networks.learning_part(models.network, some, config))
            calibrate_run(models, data, config.coverage)
    return models


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
    networks.check(config)
    data = images or open_checked(config.data, config.model.classes)
    balance = Balance.of(config.balance, data)
    objective = objective_of(
        multi_label=data.multi_label,
        label_smoothing=config.label_smoothing,
        class_weights=balance.class_weights,
    )
    served = networks.served(config, len(data.class_names), objective.activation)
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


@dataclasses.dataclass(frozen=True)
class Run:
    """A run under way, and its two phases.

    Attributes:
        config: The run's config, settled.
        folder: This process's own folder.
        devices: The devices that share a batch.
        learner: The network in training.
        models: The network to be saved.
        checkpoints: The run's checkpoints.
        identity: The images of the run.
        average: Average of the weights over epochs.
        journal: How far the run has come.
        requests: Signals that came.
        feed: Where batches come from.
        progress: What the terminal shows.
        steps: Number of steps of an epoch.
        balance: What makes every class count alike.
        is_chief: Whether this process writes the run's files.
    """

    config: Config
    folder: RunFolder
    devices: Devices
    learner: Learner
    models: Models
    checkpoints: Checkpoints
    identity: DataIdentity
    average: EqualAverage
    journal: Journal
    requests: StopRequests
    feed: Feed
    progress: Progress
    steps: int
    balance: Balance
    is_chief: bool

    def train_classifier(self, views: int) -> None:
        """Trains the classifier alone, on so many views of each training photo."""
        with self._saved_when_stopped():
            trained = train_classifier(self.learner, self.feed, self.balance, self.devices, views)
        self.journal.end_head(
            trained.training,
            trained.validation,
            trained.images,
            trained.seconds,
            self.learner.objective.chosen_by,
        )
        self._record(self.learner.weights(), is_best=True)
        self._save()

    def train_epoch(self) -> None:
        """Trains what learns for the rest of an epoch, validates, and saves."""
        config, journal, learner = self.config, self.journal, self.learner
        if config.schedule.drop_block:
            grown = journal.epoch / max(config.epochs - 1, 1)
            networks.set_drop_block_rate(learner.network, grown)
        clock = time.perf_counter()
        with self._saved_when_stopped():
            batches = self.feed.epoch(journal.position)
            for _ in range(journal.step, self.steps):
                sums = learner.step(next(batches), stop=self.requests.received is not None)
                stop = sums.pop("stop") > 0
                journal.add_step(sums, -clock + (clock := time.perf_counter()))
                if not math.isfinite(sums["loss"]):
                    raise FloatingPointError("the loss")
                self.progress.step(
                    journal.epoch,
                    journal.step,
                    {**journal.means(), "learning_rate": learner.update.last_rate()},
                )
                if stop:
                    # Where the signal went to another process, SIGTERM stands for it.
                    raise Stopped(self.requests.received or signal.SIGTERM)
                if is_due(config, "steps", journal.steps_done):
                    self._save()

        with learner.averaged():
            measured = learner.measure(self.feed.validation())
            weights = learner.weights()
        is_best = journal.end_epoch(
            measured, learner.update.last_rate(), learner.objective.chosen_by
        )
        swa_from = config.averaging.swa_from
        if swa_from is not None and journal.epoch >= swa_from:
            self.average.add(weights)
        self._record(weights, is_best=is_best)
        is_over = journal.is_over(config.last_epoch, config.patience)
        if is_over or is_due(config, "epochs", journal.epoch):
            self._save()

    def _record(self, weights: Sequence[Any], *, is_best: bool) -> None:
        """Leaves the history's newest row and its model in the folder, and a line on the terminal."""
        rows = self.journal.rows
        if self.is_chief:
            self.models.save(weights, is_best=is_best)
            self.folder.write_history(rows)
            if self.config.tensorboard:
                write_events(self.folder / "tensorboard", rows[-1])
        self.progress.epoch(rows[-1])

    def _save(self) -> None:
        self.checkpoints.save(
            RunCheckpoint(
                self.journal.steps_done,
                {**read_state(self.learner), **self.average.state()},
                self.journal.to_dict(),
                self.identity.to_dict(),
                self.devices.share.first_replica,
            )
        )

    @contextlib.contextmanager
    def _saved_when_stopped(self) -> Iterator[None]:
        try:
            yield
        except Stopped:
            self._save()
            raise


def train_classifier(
    learner: Learner, feed: Feed, balance: Balance, devices: Devices, views: int
) -> HeadTraining:
    """Trains the classifier alone, on so many views of each photo, and gives it to the learner."""
    objective = learner.objective
    # Where all photos are seen at once, to draw one more often is to weight its loss.
    if balance.method != "none":
        objective = weighted(objective, balance.factors)
    trained = train_head(feed.to_features, feed.views, count=views, objective=objective)
    # All processes computed it alike, but for the rounding of different machines.
    trained = trained.everywhere(devices.from_chief)
    networks.set_classifier(learner.network, trained.head.kernel, trained.head.bias)
    learner.update.begin_averages()
    return trained


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


def _ended_early(journal: Journal, config: Config) -> str:
    best = f"epoch {journal.best_epoch}" if journal.best_epoch else "the classifier alone"
    return (
        f"Ended after {journal.epoch} of {config.epochs} epochs: none was better than {best} in the "
        f"last {config.patience}."
    )


def _not_finite(journal: Journal, learner: Learner, folder: RunFolder) -> str:
    return (
        f"Expected a finite loss and finite weights. Received: NaN or infinity at step "
        f"{journal.step} of epoch {journal.epoch + 1}, with a learning rate of "
        f"{learner.update.last_rate():.3g}. What was reached before is kept in {folder.path}. "
        "Start again with a lower optimizer.learning_rate, a longer schedule.warmup, or "
        "optimizer.clip=1."
    )
