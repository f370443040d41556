"""The layers, each usable alone."""

from keras_resnets.layers._deployable import Deployable as Deployable
from keras_resnets.layers.bottleneck import Bottleneck as Bottleneck
from keras_resnets.layers.conv_norm import ConvNorm as ConvNorm
from keras_resnets.layers.drop_block import DropBlock as DropBlock
from keras_resnets.layers.grouped_conv import GroupedConv2D as GroupedConv2D
from keras_resnets.layers.linear_bottleneck import LinearBottleneck as LinearBottleneck
from keras_resnets.layers.padded_pool import PaddedAveragePool as PaddedAveragePool
from keras_resnets.layers.pooled_conv import PooledConv as PooledConv
from keras_resnets.layers.radix_layout import convert_layout as convert_layout
from keras_resnets.layers.res2net_scale import Res2NetScale as Res2NetScale
from keras_resnets.layers.shortcut_pool import ShortcutPool as ShortcutPool
from keras_resnets.layers.split_attention import SplitAttention as SplitAttention
from keras_resnets.layers.squeeze_excite import SqueezeExcite as SqueezeExcite
from keras_resnets.layers.stem import Stem as Stem
from keras_resnets.layers.stochastic_depth import StochasticDepth as StochasticDepth
