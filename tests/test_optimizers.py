"""Layer-wise learning rates: each variable's step is its factor of the plain optimizer's."""

import keras
import numpy as np
import pytest

from keras_resnets.optimizers import LayerwiseAdamW, LayerwiseSGD


def steps(optimizer):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="body")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(hidden))
    model.set_weights([np.full(w.shape, 0.5) for w in model.get_weights()])
    model.compile(optimizer, "mse")
    before = {v.path: np.array(v) for v in model.weights}
    # One step alone: later gradients depend on what did not move.
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 2)))
    return model, {v.path: np.array(v) - before[v.path] for v in model.weights}


@pytest.mark.parametrize(
    ("layerwise", "plain"),
    [(LayerwiseSGD, keras.optimizers.SGD), (LayerwiseAdamW, keras.optimizers.AdamW)],
)
def test_the_factor_scales_the_step_and_survives_saving(layerwise, plain, tmp_path):
    multipliers = {"body/kernel": 0.0, "head/bias": 0.5}
    model, moved = steps(layerwise(1e-3, weight_decay=0.0, multipliers=multipliers))
    _, expected = steps(plain(1e-3, weight_decay=0.0))
    assert not moved["body/kernel"].any()
    np.testing.assert_allclose(moved["head/bias"], 0.5 * expected["head/bias"], rtol=0.01)
    np.testing.assert_allclose(moved["head/kernel"], expected["head/kernel"], rtol=0.01)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.multipliers == multipliers
