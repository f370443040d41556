"""The machines that train together, as TensorFlow's `TF_CONFIG` names them. No TensorFlow here."""

import dataclasses
import json
import os

from keras_resnets.errors import UserError


@dataclasses.dataclass(frozen=True)
class Task:
    """This process among those that train together.

    Attributes:
        index: from 0; that one is the chief, which writes the run's files.
        count: of the processes.
    """

    index: int = 0
    count: int = 1

    @property
    def is_chief(self) -> bool:
        return self.index == 0


def task(strategy: str) -> Task:
    """This process's task, from `TF_CONFIG` where the strategy is `multiworker`.

    Raises:
        UserError: where `TF_CONFIG` does not say it.
    """
    if strategy != "multiworker":
        return Task()
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        cluster, mine = config["cluster"], config["task"]
        members = [
            (kind, i) for kind in ("chief", "worker") for i in range(len(cluster.get(kind, [])))
        ]
        return Task(members.index((mine["type"], int(mine["index"]))), len(members))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            "Expected the machines in TF_CONFIG, such as "
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
            '"task": {"type": "worker", "index": 0}}. '
            f"Received: TF_CONFIG={text!r}."
        ) from None
