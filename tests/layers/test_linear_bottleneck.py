"""`LinearBottleneck` and `SqueezeExcite` against NumPy."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import LinearBottleneck, SqueezeExcite


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize(
    "arguments",
    [
        {"filters": 11, "expanded": 48, "squeezed": 4, "shortcut": True},
        {"filters": 8, "expanded": 48, "squeezed": 4, "shortcut": True},
        {"filters": 11, "expanded": 48, "strides": 2, "activation": "relu6"},
        {"filters": 6, "expanded": 8, "expand": False},
        {"filters": 11, "expanded": 48, "dilation_rate": 2, "squeezed": 3},
    ],
)
def test_equals_the_formula(side, arguments, rng, randomise):
    layer = LinearBottleneck(**arguments)
    # Wide enough that ReLU6's upper bound matters.
    images = 3 * rng.normal(size=(2, side, side, 8))
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.linear_bottleneck(layer, images)
    np.testing.assert_allclose(layer(images), expected, atol=1e-4)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-4)


@pytest.mark.parametrize("use_norm", [True, False])
def test_squeeze_excite_equals_the_formula(use_norm, rng, randomise):
    layer = SqueezeExcite(3, use_norm=use_norm)
    images = rng.normal(size=(2, 5, 5, 8))
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.squeeze_excite(layer, images)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


@pytest.mark.parametrize("rates", [{"drop_path_rate": 0.5}, {"drop_block_rate": 0.3}])
def test_dropping_acts_on_the_branch_and_never_on_the_shortcut(rates, rng, randomise):
    layer = LinearBottleneck(11, 48, shortcut=True, **rates)
    images = rng.normal(size=(64, 8, 8, 8)).astype("float32")
    layer.build(images.shape)
    randomise(layer)
    assert len({layer(images, training=True).numpy().tobytes() for _ in range(4)}) == 4
    for weight in ("gamma", "beta"):
        variable = getattr(layer.projection.norm, weight)
        variable.assign(np.zeros(variable.shape))
    outputs = layer(images, training=True)
    np.testing.assert_array_equal(outputs[..., :8], images)
    assert not np.any(outputs[..., 8:])


def test_passes_what_every_layer_passes(check_layer):
    check_layer(LinearBottleneck(11, 24, squeezed=4, shortcut=True))
    check_layer(SqueezeExcite(4))


def test_an_impossible_shortcut_is_refused():
    with pytest.raises(ValueError, match="strides=1, channels=8, filters=6"):
        LinearBottleneck(6, 24, shortcut=True).build((None, 8, 8, 8))
