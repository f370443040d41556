"""`ConvNorm` against NumPy, with the padding that published checkpoints want."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import ConvNorm


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize(
    ("kernel_size", "strides", "dilation_rate"), [(1, 1, 1), (3, 2, 1), (7, 2, 1), (3, 1, 2)]
)
def test_equals_the_formula(side, kernel_size, strides, dilation_rate, rng, randomise):
    layer = ConvNorm(
        12,
        kernel_size,
        strides=strides,
        dilation_rate=dilation_rate,
        groups=2,
        activation="relu",
        use_bias=True,
    )
    images = rng.normal(size=(2, side, side, 6))
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.conv_norm(layer, images, formulas.relu)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("groups", "channels", "merged"),
    [(32, 128, 16), (32, 256, 32), (6, 24, 3), (6, 12, 2), (8, 8, 8)],
)
def test_deploying_merges_narrow_groups_to_width_8(groups, channels, merged, rng, randomise):
    layer = ConvNorm(channels, 3, groups=groups)
    images = rng.normal(size=(1, 5, 5, channels)).astype("float32")
    layer.build(images.shape)
    randomise(layer)
    deployed = layer.deployed()
    assert deployed.conv.groups == merged
    np.testing.assert_allclose(deployed(images), layer(images), atol=1e-5)


def test_zero_gamma_starts_as_nothing(rng):
    layer = ConvNorm(4, 3, zero_gamma=True)
    assert not np.any(layer(rng.normal(size=(1, 4, 4, 3))))


def test_passes_what_every_layer_passes(check_layer):
    check_layer(ConvNorm(6, 3, strides=2, groups=2, activation="silu"))


def test_an_image_may_be_smaller_than_the_kernel():
    assert ConvNorm(4, 7, strides=2)(np.ones((1, 2, 2, 3))).shape == (1, 1, 1, 4)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd kernel_size. Received: kernel_size=2"):
        ConvNorm(4, 2)
