"""`ShortcutPool` against NumPy, also where its window reaches far beyond the map."""

import formulas
import keras
import numpy as np
import pytest

from keras_resnets.layers import ShortcutPool


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (3, 2), (8, 9)])
@pytest.mark.parametrize(("strides", "dilation_rate"), [(1, 1), (2, 1), (1, 2), (1, 4)])
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("folded", [False, True])
def test_equals_the_formula(shape, strides, dilation_rate, free, folded, rng):
    images = rng.normal(size=(2, *shape, 3)).astype("float32")
    pool = ShortcutPool(strides=strides, dilation_rate=dilation_rate, folded=folded)
    inputs = keras.Input((None, None, 3) if free else (*shape, 3))
    outputs = keras.Model(inputs, pool(inputs)).predict_on_batch(images)
    expected = formulas.pair_means(images, strides=strides, dilation_rate=dilation_rate)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("strides", [0, 3])
def test_other_strides_are_refused(strides):
    with pytest.raises(ValueError, match=f"strides of 1 or 2. Received: strides={strides}"):
        ShortcutPool(strides=strides)
