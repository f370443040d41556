"""`PooledConv`: what `Bottleneck` asks of it is tested there."""

import numpy as np
import pytest

from keras_resnets.layers import PooledConv


@pytest.mark.parametrize(("strides", "side"), [({}, 9), ({"strides": 2}, 5)])
def test_strides_are_one_by_default(strides, side):
    layer = PooledConv(4, **strides)
    assert layer.compute_output_shape((1, 9, 9, 2)) == (1, side, side, 4)
    assert layer(np.ones((1, 9, 9, 2))).shape == (1, side, side, 4)
