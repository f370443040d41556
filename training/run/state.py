"""All variables of a run as arrays by name, and back, replica by replica where replicas differ."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from keras_resnets.errors import UserError

from ..step import Learner

SEEDS = "seed_generator_state"

Array = np.ndarray[Any, Any]


def read_state(learner: Learner) -> dict[str, Array]:
    """Every variable's values, one row a replica of this process."""
    return {
        name: np.stack([component.numpy() for component in components])
        for name, _, components in _named(learner)
    }


def write_state(
    learner: Learner, state: Mapping[str, Array], *, saved_from: int = 0, first_replica: int = 0
) -> None:
    """The inverse of `read_state`, on as many replicas as there are now.

    Replicas differ in their draws, which follow from their number, and in the batch statistics where
    these are not synchronised. On the replicas that wrote them both come back to the bit; on others
    the statistics are the mean over those that are known.

    Args:
        learner: The learner to be filled.
        state: A state from `read_state`.
        saved_from: Number, over all processes, of the first replica in `state`.
        first_replica: The same of the first replica here.

    Raises:
        UserError: Where `state` is of another network or optimizer.
    """
    named = {_key(name): (variable, components) for name, variable, components in _named(learner)}
    saved = {_key(name): values for name, values in state.items()}
    if set(named) != set(saved):
        raise UserError(
            "Expected the state of this network and optimizer. Received: "
            f"missing={sorted(set(named) - set(saved))[:5]}, "
            f"unused={sorted(set(saved) - set(named))[:5]}."
        )
    for name, (variable, components) in named.items():
        values = saved[name]
        if values.shape[1:] != tuple(variable.shape):
            raise UserError(
                f"Expected {name} of shape {tuple(variable.shape)}. Received: {values.shape[1:]}."
            )
        if _is_alike(variable):
            values = values[:1]
        elif (saved_from, len(values)) != (first_replica, len(components)):
            values = _for_others(variable, values, saved_from, first_replica, len(components))
        for component, value in zip(components, values, strict=True):
            component.assign(value)


def decorrelate(learner: Learner, first_replica: int = 0) -> None:
    """Gives each replica draws of its own; otherwise all would drop the same units and blocks.

    Args:
        learner: A learner with the same draws on all replicas.
        first_replica: Number, over all processes, of this process's first replica.
    """
    for variable in learner.network.variables:
        if _is_seed(variable):
            for replica, component in enumerate(_components(variable), start=first_replica):
                component.assign_add(np.array([replica, 0], component.dtype.as_numpy_dtype))


def _for_others(variable: Any, values: Array, saved_from: int, first: int, count: int) -> Array:
    """What `count` replicas from `first` on go on with, of the values of others."""
    if _is_seed(variable):
        # As `decorrelate` left it: the number of the replica, and how many draws were taken.
        numbers = np.arange(first, first + count)
        steps = np.stack([numbers - saved_from, np.zeros_like(numbers)], axis=1)
        return np.asarray(values[0].astype("int64") + steps).astype(values.dtype)
    mean = values.mean(axis=0, dtype="float64").astype(values.dtype)
    return np.stack([mean] * count)


def _key(name: str) -> str:
    """A name without the numbers that Keras counts its objects by, over a process's whole life."""
    return re.sub(r"_\d+(?=/)", "", name)


def _named(learner: Learner) -> Iterator[tuple[str, Any, list[Any]]]:
    for group, variables in learner.state().items():
        for index, variable in enumerate(variables):
            components = _components(variable)
            if _is_alike(variable):
                # Every replica's copy is written, and the first is read.
                components = [_Alike(components)]
            yield f"{group}/{index:04d}/{variable.path}", variable, components


def _components(variable: Any) -> list[Any]:
    """The `tf.Variable` of each replica of this process."""
    return list(getattr(variable.value, "values", None) or [variable.value])


def _is_seed(variable: Any) -> bool:
    return bool(variable.path.endswith(SEEDS))


def _is_alike(variable: Any) -> bool:
    """Whether the strategy keeps the replicas' copies equal: all but draws and batch statistics."""
    on_read = getattr(variable.value, "synchronization", None)
    return not _is_seed(variable) and getattr(on_read, "name", "") != "ON_READ"


class _Alike:
    """Equal copies of one variable as one."""

    def __init__(self, components: list[Any]):
        self._components = components

    def numpy(self) -> Any:
        return self._components[0].numpy()

    def assign(self, value: Array) -> None:
        for component in self._components:
            component.assign(value)
