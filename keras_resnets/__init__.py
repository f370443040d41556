"""ResNeXt, ResNeSt, Res2Net and ReXNet for Keras 3."""

from importlib.metadata import version as _version

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

__version__ = _version("keras-resnets")
