"""The catalogue: what is known of each named network and of its public checkpoints, as data.

The data is `catalogue.json`; `catalogue.schema.json` says what it may hold. Parameters are the trainable
ones with 1000 classes, `gmacs` billions of multiply-accumulates at 224x224. Checkpoints on the Hugging
Face hub, with their licences and preprocessing, are those of timm 1.0.31, their accuracies those of its
`results-imagenet.csv`. What timm lacks has an `official` name and a `url`: ResNeSt's "fast" set with the
hash prefixes of the official `ablation.py` (its accuracies are of `ablation.md`), and ReXNet-lite from
the official README, which gives neither hashes nor an interpolation (ReXNet's is assumed). Res2Net's
licence, of which timm knows nothing, is the one that its authors' README gives.
"""

import functools
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any


def networks() -> Mapping[str, Mapping[str, Any]]:
    """The entry of each named network, by its constructor's name."""
    entries: Mapping[str, Mapping[str, Any]] = _content()["networks"]
    return entries


def paper(network: str) -> str:
    """Where a network was published: its family's paper, unless it has one of its own."""
    entry = networks()[network]
    text: str = entry.get("paper") or _content()["families"][entry["family"]]
    return text


@functools.cache
def _content() -> Mapping[str, Any]:
    file = importlib.resources.files(__package__).joinpath("catalogue.json")
    content: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return content
