"""ResNeXt, SE-ResNeXt, ResNeSt, Res2Net and ReXNet for Keras 3.

The import of Keras takes seconds: each public name is fetched when it is first asked for. Whatever
describes a network, its checkpoints or its photos needs no Keras, and answers at once.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from keras_resnets._registration import register_with_keras

# A module bears this function's name: left to wait, it would be hidden by its module as soon as anyone
# imported that.
from keras_resnets.deploy import deploy as deploy

if TYPE_CHECKING:
    from keras_resnets import (
        card as card,
        classifier as classifier,
        data as data,
        errors as errors,
        features as features,
        inference as inference,
        layers as layers,
        models as models,
        optimizers as optimizers,
        preprocessing as preprocessing,
        weights as weights,
    )
    from keras_resnets.card import Card as Card, open_model as open_model
    from keras_resnets.data import open_data as open_data
    from keras_resnets.features import (
        feature_extractor as feature_extractor,
        freeze_stages as freeze_stages,
        layerwise_multipliers as layerwise_multipliers,
    )
    from keras_resnets.models import *  # noqa: F403
    from keras_resnets.preprocessing import (
        Preprocessing as Preprocessing,
        decode_predictions as decode_predictions,
        preprocess_input as preprocess_input,
    )
    from keras_resnets.weights import checkpoints as checkpoints

    __all__: list[str]
    __version__: str

# The module in which each public name lives, but for the networks and the functions that find them:
# those are what `keras_resnets.models` exports.
_HOMES = {
    "Card": "card",
    "Preprocessing": "preprocessing",
    "checkpoints": "weights",
    "decode_predictions": "preprocessing",
    "deploy": "deploy",
    "feature_extractor": "features",
    "freeze_stages": "features",
    "layerwise_multipliers": "features",
    "open_data": "data",
    "open_model": "card",
    "preprocess_input": "preprocessing",
}
_MODULES = frozenset(module.name for module in pkgutil.iter_modules(__path__))  # noqa: F405

register_with_keras()


def _fetch(name: str) -> Any:
    if name == "__all__":
        return _public_names()
    if name == "__version__":
        from importlib.metadata import version

        return version("keras-resnets")
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    elif not name.startswith("_") and name in _models().__all__:
        value = getattr(_models(), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


if not TYPE_CHECKING:  # to whom every name would be there by it
    __getattr__ = _fetch


def __dir__() -> list[str]:
    public = {module for module in _MODULES if not module.startswith("_")}
    return sorted({*globals(), *public, *_public_names()})


def _public_names() -> list[str]:
    return sorted({*_HOMES, *_models().__all__})


def _models() -> Any:
    return importlib.import_module(f"{__name__}.models")
