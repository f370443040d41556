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

import tensorflow as tf

from keras_resnets._common.console import command_line
from keras_resnets.card import Card
from keras_resnets.data import ImageData
from keras_resnets.errors import UserError

from . import folds, networks
from .cluster import Task
from .config import Config
from .data.balance import Balance
from .data.batches import training_batches
from .data.identity import DataIdentity
from .data.looking import look_first
from .data.opening import photos_named
from .devices import Devices
from .feeds import Feed, make_feed
from .going_on import newest_common, restored
from .head import HeadTraining, train_head
from .objective import weighted
from .optim.swa import EqualAverage
from .preparing import Prepared, make_learner, prepared
from .reporting.calibrate import calibrate_run
from .reporting.evaluate import evaluate_run
from .reporting.progress import Progress
from .reporting.tensorboard import write_events
from .run.checkpoint import KEPT, Checkpoints, RunCheckpoint
from .run.folder import CHECK, CHECKPOINTS, RunFolder
from .run.journal import Journal
from .run.models import SWA_STEPS, Models
from .run.signals import Stopped, StopRequests
from .run.state import decorrelate, read_state
from .step import Learner

FEW = 100  # images, whose share right is known to ten points or so
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


def fit(ready: Prepared, folder: RunFolder, task: Task, *, data_changed: bool = False) -> Models:
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
        checkpoint = newest_common(checkpoints, devices, begun=begun)
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
