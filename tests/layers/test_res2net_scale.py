"""`Res2NetScale` against NumPy, connected and not, even and odd, and where it drops nothing."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import Res2NetScale


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize(("scale", "cardinality"), [(2, 1), (4, 1), (4, 3), (8, 1), (6, 1)])
@pytest.mark.parametrize(("strides", "connected"), [(1, True), (1, False), (2, False)])
def test_equals_the_formula(side, scale, cardinality, strides, connected, rng, randomise):
    layer = Res2NetScale(
        6 * scale, scale=scale, cardinality=cardinality, strides=strides, connected=connected
    )
    images = rng.normal(size=(2, side, side, 6 * scale))
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.res2net_scale(layer, images)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


def test_passes_what_every_layer_passes(check_layer):
    check_layer(Res2NetScale(8, scale=4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 1}, "scale=1, filters=8"),
        ({"scale": 3}, "scale=3, filters=8"),
        ({"strides": 2}, "strides=2, connected=True"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Res2NetScale(8, **arguments)
