"""ResNeXt, ResNeSt, Res2Net and ReXNet for Keras 3."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_resnets import layers as layers
    from keras_resnets.card import Card as Card
    from keras_resnets.data import open_data as open_data
    from keras_resnets.deploy import deploy as deploy
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

# Where each public name lives. The import of Keras takes seconds: a name is fetched when it is first
# asked for. Every other name is a network's or a function's of `keras_resnets.models`.
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
    "preprocess_input": "preprocessing",
}
_MODULES = {
    "card",
    "data",
    "features",
    "layers",
    "models",
    "optimizers",
    "preprocessing",
    "weights",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("keras-resnets")
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'models')}")
    try:
        value = getattr(home, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    # `deploy` is a function and the module that it lives in: the function wins.
    globals()[name] = value
    return value
