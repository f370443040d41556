"""Training, from a configuration to a run folder."""

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from keras_resnets.card import Card
from keras_resnets.data import ImageData, open_data
from keras_resnets.errors import UserError

from . import networks
from .assembly import make_learner, make_network, make_share
from .callbacks import Epochs, Steps
from .cluster import Task
from .config import Config
from .data.batches import (
    Share,
    preprocessing_of,
    steps_per_epoch,
    training_batches,
    validation_batches,
)
from .reporting.evaluate import evaluate_run
from .reporting.progress import Progress
from .run.folder import RunFolder
from .run.session import Session
from .run.signals import Stopped, StopRequests
from .run.state import decorrelate
from .strategy import get_strategy


def train(config: Config, folder: RunFolder, task: Task) -> None:
    """Trains, continuing from the folder's newest checkpoint if any, then evaluates the best model.

    Args:
        folder: this process's own.
        task: which of the processes this one is.

    Raises:
        UserError: for whatever the user can mend.
        Stopped: after a signal, once the state is saved.
    """
    networks.constructor(config.model)  # before minutes are spent on the data
    strategy = get_strategy(config.distribution)
    share = make_share(config, task, strategy.num_replicas_in_sync)
    data = open_checked(config)
    steps = steps_per_epoch(data, config)
    classes = len(data.class_names)
    learner = make_learner(config, classes, steps, strategy)
    decorrelate(learner, share.worker * share.replicas)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    session = Session(
        config,
        folder,
        learner,
        make_network(config, classes, served=True),
        _card(config, data),
        strategy.distribute_datasets_from_function(
            lambda _: validation_batches(data, "validation", config, share)
        ),
        steps,
        writes=task.is_chief,
    )
    with _among_workers(task):
        if session.resume(strategy if task.count > 1 else None):
            journal = session.journal
            print(f"Continuing after {journal.epoch} epochs and {journal.step} steps.")
        with strategy.scope():
            _fit(config, session, data, share)
    if task.is_chief:
        if config.averaging.swa_from is not None:
            session.save_swa(training_batches(data, config))
        result = evaluate_run(folder, data, config.batch_size)
        low, high = result["top1_interval"]
        print(
            f"The best model has {result['top1']:.2%} of the {result['images']} test images right "
            f"(95 % interval {low:.1%} to {high:.1%})."
        )


class WorkerLost(UserError):
    """Another process of the cluster is gone."""

    exit_code = 4


@contextlib.contextmanager
def _among_workers(task: Task) -> Iterator[None]:
    """Says what it means that a collective operation fails.

    Raises:
        WorkerLost: where another worker does not answer any more.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
        if task.count == 1:
            raise
        # TensorFlow's message begins with the places in the program.
        lines = error.message.splitlines()
        reason = next((line for line in lines if "aborted" in line), lines[-1])
        raise WorkerLost(
            f"Expected all {task.count} workers to train to the end. Received: worker {task.index} "
            f"does not hear from another one any more ({reason}). Look at that one's last lines, "
            "then start all of them again with the same command: the run goes on from its last "
            "checkpoint."
        ) from error


def open_checked(config: Config) -> ImageData:
    """Opens the data, and compares the number of classes with the configured one, if any."""
    try:
        data = open_data(**_source(config))
    except (ValueError, FileNotFoundError, ConnectionError, ImportError) as error:
        raise UserError(str(error)) from error
    found = len(data.class_names)
    if config.model.classes not in (None, found):
        raise UserError(
            f"Expected model.classes to be the {found} classes of {data.name}: "
            f"{', '.join(data.class_names[:10])}{', …' if found > 10 else ''}. "
            f"Received: classes={config.model.classes}. Leave it out."
        )
    return data


def _source(config: Config) -> dict[str, str]:
    """The arguments of `open_data`, a folder's path made absolute."""
    fields = {name: getattr(config.data, name) for name in ("dataset", "folder", "data_dir")}
    if fields["folder"] is not None:
        fields["folder"] = str(Path(fields["folder"]).resolve())
    return {name: value for name, value in fields.items() if value is not None}


def _card(config: Config, data: ImageData) -> Card:
    return Card(
        architecture=config.model.name,
        class_names=data.class_names,
        preprocessing=preprocessing_of(config),
        data=_source(config),
        provenance={"made_by": "python -m training", "recipe": config.name},
    )


def _fit(config: Config, session: Session, data: ImageData, share: Share) -> None:
    journal = session.journal
    stream = sys.stdout if session.writes else io.StringIO()
    progress = Progress(config.epochs, session.steps_per_epoch, config.batch_size, stream)
    with StopRequests() as requests:
        if journal.step == session.steps_per_epoch:
            session.end_epoch()  # it was stopped between the last step and this
        callbacks = [Steps(session, requests, progress), Epochs(session, progress)]
        # What is left of an epoch that was interrupted is an epoch of its own for Keras.
        if journal.step:
            _fit_epochs(session, data, config, share, callbacks, journal.epoch + 1)
        _fit_epochs(session, data, config, share, callbacks, config.epochs)
        if requests.received is not None:
            raise Stopped(requests.received)  # it came after the last step, and all is saved


def _fit_epochs(
    session: Session,
    data: ImageData,
    config: Config,
    share: Share,
    callbacks: list[keras.callbacks.Callback],
    until: int,
) -> None:
    start = session.journal.position
    if start.epoch >= until:
        return
    batches = tf.distribute.get_strategy().distribute_datasets_from_function(
        lambda _: training_batches(data, config, start, share)
    )
    session.learner.fit(
        batches,
        initial_epoch=start.epoch,
        epochs=until,
        steps_per_epoch=session.steps_per_epoch - start.step,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
