"""A run that goes on: from which checkpoint, and with what of it."""

from keras_resnets.errors import UserError

from .data.identity import DataIdentity
from .devices import Devices, Share
from .optim.swa import EqualAverage
from .run.checkpoint import Checkpoints, RunCheckpoint
from .run.journal import Journal
from .run.state import write_state
from .step import Learner

NOTHING_COMMON = (
    "Expected a checkpoint that all workers can read, to go on from. Received: none. Copy checkpoints/ "
    "of the worker that has one into the folders of the others, or begin anew by --force."
)


def newest_common(
    checkpoints: Checkpoints, devices: Devices, *, begun: bool
) -> RunCheckpoint | None:
    """The newest checkpoint that every process can read; `None` where there is none to go on from.

    Args:
        checkpoints: Checkpoints of this process.
        devices: The devices of all processes.
        begun: Whether this process has any.

    Raises:
        UserError: Where this process has some, and they have none in common.
    """
    at_most = None
    while True:
        checkpoint = checkpoints.newest(at_most)
        step = -1 if checkpoint is None else checkpoint.step
        common = devices.least(step)
        # All go round as often: the least of whether all are there is the same everywhere.
        if devices.least(int(step == common)):
            break
        at_most = common
    if begun and checkpoint is None:
        raise UserError(NOTHING_COMMON)
    return checkpoint


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
