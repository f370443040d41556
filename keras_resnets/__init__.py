"""ResNeXt, ResNeSt, Res2Net and ReXNet for Keras 3."""

from keras_resnets import layers as layers
from keras_resnets.deploy import deploy as deploy
from keras_resnets.models import *  # noqa: F403
