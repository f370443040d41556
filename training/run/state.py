"""All variables of a run as arrays by name, and back, replica by replica where replicas differ."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_resnets.errors import UserError

from ..step import Learner

SEEDS = "seed_generator_state"


def read_state(learner: Learner) -> dict[str, np.ndarray]:
    return {
        name: np.stack([component.numpy() for component in components])
        for name, components in _named(learner)
    }


def write_state(learner: Learner, state: Mapping[str, np.ndarray]) -> None:
    """The inverse of `read_state`.

    Raises:
        ValueError: where `state` is of another network, optimizer or number of replicas.
    """
    named = dict(_named(learner))
    if set(named) != set(state):
        raise UserError(
            "Expected the state of this network and optimizer. Received: "
            f"missing={sorted(set(named) - set(state))}, unused={sorted(set(state) - set(named))}."
        )
    for name, components in named.items():
        if len(components) != len(state[name]):
            raise UserError(
                f"Expected the state of {len(components)} replicas. "
                f"Received: {len(state[name])} of {name}."
            )
        for component, value in zip(components, state[name], strict=True):
            component.assign(value)


def decorrelate(learner: Learner, first_replica: int = 0) -> None:
    """Gives each replica draws of its own; otherwise all would drop the same units and blocks.

    Args:
        first_replica: number, over all processes, of this process's first replica.
    """
    for variable in learner.network.variables:
        if variable.path.endswith(SEEDS):
            for replica, component in enumerate(_components(variable), start=first_replica):
                component.assign_add(np.array([replica, 0], component.dtype.as_numpy_dtype))


def _named(learner: Learner) -> Iterator[tuple[str, list[Any]]]:
    groups = {"network": learner.network.variables, "optimizer": learner.optimizer.variables}
    others = {"ema": learner.ema, "slow": learner.slow, "loss_scale": learner.loss_scale}
    groups |= {name: part.variables for name, part in others.items() if part is not None}
    for group, variables in groups.items():
        for index, variable in enumerate(variables):
            components = _components(variable)
            if _is_alike(variable):
                # Every replica's copy is written, and the first is read.
                components = [_Alike(components)]
            yield f"{group}/{index:04d}/{variable.path}", components


def _components(variable: Any) -> list[Any]:
    """The `tf.Variable` of each replica of this process."""
    return list(getattr(variable.value, "values", None) or [variable.value])


def _is_alike(variable: Any) -> bool:
    """Whether the strategy keeps the replicas' copies equal: all but draws and batch statistics."""
    on_read = getattr(variable.value, "synchronization", None)
    return not variable.path.endswith(SEEDS) and getattr(on_read, "name", "") != "ON_READ"


class _Alike:
    """Equal copies of one variable as one."""

    def __init__(self, components: list[Any]):
        self._components = components

    def numpy(self) -> np.ndarray:
        return self._components[0].numpy()

    def assign(self, value: np.ndarray) -> None:
        for component in self._components:
            component.assign(value)
