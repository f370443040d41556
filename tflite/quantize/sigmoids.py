"""What becomes of an activation that goes through a sigmoid or a swish and nowhere else.

Far from 0 a sigmoid hardly changes, and a swish is 0 below: what is rounded there, or clipped, does not
tell. So the range of what goes into one is better chosen for the error of what comes out of it.
"""

from collections.abc import Callable

import numpy as np

from keras_resnets.classifier import of_logits

from .network import Network, Node

Response = Callable[[np.ndarray], np.ndarray]


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return of_logits(values, "sigmoid")


def swish(values: np.ndarray) -> np.ndarray:
    """The product x sigmoid(x) (Ramachandran, Zoph & Le, 2017, equation 1, with beta = 1)."""
    return np.asarray(values * sigmoid(values))


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
