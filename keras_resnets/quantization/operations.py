"""A network as the operations that it consists of, its blocks opened."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Operations:
    """A flat model of single operations.

    Attributes:
        model: The model, which shares its layers with the one that was opened. Every operation is
            named after its block, its kind and its number there, such as `stem_relu1`.
        blocks: The layer of the opened model that each operation belongs to, by its name.
    """

    model: keras.Model
    blocks: dict[str, str]

    def in_order(self) -> list[tuple[keras.Operation, list[Any], list[Any]]]:
        """Each operation with the tensors that it takes and gives, in an order of execution."""
        found: dict[str, tuple[keras.Operation, list[Any], list[Any]]] = {}

        def visit(tensor: Any) -> None:
            operation, node = maker(tensor)
            if operation.name not in found:
                for one in node.input_tensors:
                    visit(one)
                found[operation.name] = (operation, node.input_tensors, node.outputs)

        for output in self.model.outputs:
            visit(output)
        return list(found.values())


def maker(tensor: Any) -> tuple[keras.Operation, Any]:
    """The operation that makes a tensor, and its node. Keras has no public way to them."""
    history = tensor._keras_history
    return history.operation, history.operation._inbound_nodes[history.node_index]


def opened(deployed: keras.Model) -> Operations:
    """The operations of a deployed model.

    Args:
        deployed: What `keras_resnets.deploy` makes. Its convolutions are renamed.
    """
    from keras_resnets.features import all_layers
    from keras_resnets.layers import Deployable

    top = {id(layer) for layer in deployed.layers}
    for index, layer in enumerate(all_layers(deployed)):
        if id(layer) not in top and layer.weights and not isinstance(layer, Deployable):
            layer.name = f"{type(layer).__name__}_{index}"  # no two of one name in a flat model
    blocks: dict[int, str] = {}

    def call(layer: keras.Operation, *arguments: Any, **named: Any) -> Any:
        if isinstance(layer, Deployable):
            with Deployable.opened():
                outputs = layer.call(*arguments, **named)
        else:
            outputs = layer(*arguments, **named)
        given = {id(tensor) for tensor in keras.tree.flatten((arguments, named))}
        for operation in _between(given, keras.tree.flatten(outputs)):
            blocks[id(operation)] = layer.name
        return outputs

    flat = keras.models.clone_model(
        deployed, clone_function=lambda layer: layer, call_function=call
    )
    numbers: Counter[str] = Counter()
    named: dict[str, str] = {}
    for operation, *_ in Operations(flat, {}).in_order():
        block = blocks.get(id(operation))
        if block is None:  # the input
            continue
        if id(operation) not in top:
            kind = f"{block}_{type(operation).__name__.lower()}"
            numbers[kind] += 1
            operation.name = f"{kind}{numbers[kind]}"
        named[operation.name] = block
    return Operations(flat, named)


def _between(given: set[int], outputs: list[Any]) -> Iterator[keras.Operation]:
    """The operations from the given tensors to the outputs."""
    pending = [tensor for tensor in outputs if id(tensor) not in given]
    seen: set[int] = set()
    while pending:
        operation, node = maker(pending.pop())
        if id(node) not in seen:
            seen.add(id(node))
            yield operation
            pending += [tensor for tensor in node.input_tensors if id(tensor) not in given]
