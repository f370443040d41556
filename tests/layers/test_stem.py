"""`Stem` against NumPy, at even and odd sizes."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import Stem


@pytest.mark.parametrize("side", [16, 17, 18, 19])
@pytest.mark.parametrize("pool", ["max", "average"])
@pytest.mark.parametrize("kind", ["conv7", "deep", "small"])
def test_equals_the_formula(kind, pool, side, rng, randomise):
    layer = Stem(8, kind=kind, pool=pool)
    images = rng.normal(size=(1, side, side, 3)).astype("float32")
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.stem(layer, images)
    assert layer.compute_output_shape(images.shape) == expected.shape
    assert layer.strides == {"conv7": 4, "deep": 4, "small": 1}[kind]
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


def test_passes_what_every_layer_passes(check_layer):
    check_layer(Stem(8, kind="deep", pool="average"))


def test_images_of_which_nothing_is_left_are_refused():
    with pytest.raises(ValueError, match=r"at least 3x3 pixels.*Received: \(9, 2, 3\)"):
        Stem(8, pool="average").build((None, 9, 2, 3))


@pytest.mark.parametrize(("argument", "value"), [("kind", "conv5"), ("pool", "mean")])
def test_unknown_words_are_refused(argument, value):
    with pytest.raises(ValueError, match=f"Received: {argument}='{value}'"):
        Stem(8, **{argument: value})
