"""`Session`: a run under way, and what it leaves on the disk."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_resnets._common.files import written_aside
from keras_resnets.card import Card

from .. import networks
from ..config import Config
from ..optim.swa import EqualAverage, reestimate_batch_norm
from ..reporting.tensorboard import write_events
from ..step import Learner
from .checkpoint import Checkpoint, Checkpoints
from .folder import RunFolder
from .journal import Journal
from .state import read_state, write_state


class Session:
    """A run under way.

    Args:
        config: of the run.
        folder: where everything is written.
        learner: the network in training, which gives logits.
        served: the same network with probabilities, on one device; what is saved for use.
        card: of the served model.
        validation: distributed batches for `Learner.measure`.
        steps_per_epoch: of training.
        writes: whether this process writes models and history, or its own checkpoints alone.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        learner: Learner,
        served: keras.Model,
        card: Card,
        validation: Any,
        steps_per_epoch: int,
        *,
        writes: bool = True,
    ):
        self.config = config
        self.folder = folder
        self.learner = learner
        self.served = served
        self.card = card
        self.validation = validation
        self.steps_per_epoch = steps_per_epoch
        self.writes = writes
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.journal = Journal()
        self.swa = EqualAverage()

    @property
    def steps_done(self) -> int:
        return self.journal.epoch * self.steps_per_epoch + self.journal.step

    def resume(self, workers: Any = None) -> bool:
        """Goes to the newest checkpoint; `False` where there is none.

        Args:
            workers: the strategy of several processes, which go to the newest one that all have.
        """
        checkpoint = self.checkpoints.newest()
        if workers is not None:
            step = -1 if checkpoint is None else checkpoint.step
            common = int(tf.reduce_min(workers.gather(tf.constant([step]), axis=0)))
            checkpoint = self.checkpoints.newest(at_most=common)
        if checkpoint is None:
            return False
        variables = dict(checkpoint.variables)
        self.swa.restore(variables)
        write_state(self.learner, variables)
        self.journal = Journal.from_dict(checkpoint.progress)
        return True

    def save_checkpoint(self) -> None:
        variables = {**read_state(self.learner), **self.swa.state()}
        self.checkpoints.save(Checkpoint(self.steps_done, variables, self.journal.to_dict()))

    def begin_epoch(self) -> None:
        if self.config.schedule.drop_block:
            share = self.journal.epoch / max(self.config.epochs - 1, 1)
            networks.set_drop_block_rate(self.learner.network, share)

    def end_step(self) -> None:
        """Writes a checkpoint where the configuration wants one."""
        saving = self.config.saving
        if saving.unit == "steps" and self.steps_done % saving.every == 0:
            self.save_checkpoint()

    def end_epoch(self) -> None:
        """Validates; writes the history, the models and, where it is due, a checkpoint."""
        with self.learner.averaged():
            validation = self.learner.measure(self.validation)
            weights = [
                tf.convert_to_tensor(variable.value).numpy()
                for variable in self.learner.network.weights
            ]
        is_best = self.journal.end_epoch(validation, self.learning_rate())
        epoch, swa_from = self.journal.epoch, self.config.averaging.swa_from
        if swa_from is not None and epoch >= swa_from:
            self.swa.add(weights)
        if self.writes:
            self._serve(weights)
            if is_best:
                self._save_model("best.keras")
            self._save_model("last.keras")
            self.folder.write_history(self.journal.rows)
            if self.config.tensorboard:
                write_events(self.folder / "tensorboard", self.journal.rows[-1])
        saving = self.config.saving
        is_due = saving.unit == "epochs" and epoch % saving.every == 0
        if is_due or epoch == self.config.epochs:
            self.save_checkpoint()

    def save_swa(self, batches: Any) -> None:
        """Saves the equal-weight average as the best and the last model.

        Args:
            batches: of training, for the average's own batch statistics.
        """
        if self.swa.count:
            self._serve(self.swa.average)
            reestimate_batch_norm(self.served, batches.take(min(self.steps_per_epoch, 100)))
            self._save_model("best.keras")
            self._save_model("last.keras")

    def learning_rate(self) -> float:
        """Of the last step."""
        return float(self.learner.schedule(max(self.steps_done - 1, 0)))

    def _serve(self, weights: list[np.ndarray]) -> None:
        for variable, value in zip(self.served.weights, weights, strict=True):
            variable.assign(value)

    def _save_model(self, name: str) -> None:
        path = self.folder / name
        with written_aside(path) as aside:
            self.served.save(aside)
        self.card.save(path)
