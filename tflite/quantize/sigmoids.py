"""Which activations go through a sigmoid or a swish and nowhere else."""

import numpy as np

from keras_resnets.quantization.ranges import Response, sigmoid, swish

from .network import Network, Node

SATURATING: dict[str, Response] = {"LOGISTIC": sigmoid, "TANH": np.tanh}


def responses(model: bytes) -> dict[str, Response]:
    """The function of each activation that goes through one alone, by the activation's name.

    Args:
        model: A float32 `.tflite` file.
    """
    network = Network(model)
    found = {}
    for node in network.nodes:
        if node.kind in SATURATING:
            response = _response(node, network.consumers(node.inputs[0]))
            if response is not None:
                found[node.inputs[0]] = response
    return found


def _response(node: Node, takers: list[Node]) -> Response | None:
    """What becomes of the input of a sigmoid; `None` where that is more than one thing."""
    others = [taker for taker in takers if taker != node]
    if not others:
        return SATURATING[node.kind]
    products = {node.inputs[0], node.outputs[0]}
    is_swish = node.kind == "LOGISTIC" and all(
        other.kind == "MUL" and set(other.inputs) == products for other in others
    )
    return swish if is_swish else None
