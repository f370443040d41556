"""Kernels are drawn as He et al. (2015) say, unless their values follow anyway."""

import keras
import numpy as np
import pytest

import keras_resnets
from keras_resnets.layers import SplitAttention
from keras_resnets.weights import FreshHeadWarning
from keras_resnets.weights.keras_file import load_keras

FAMILIES = {
    "ResNeXt": {"cardinality": 4, "width": 16},
    "ResNeSt": {},
    "Res2Net": {"width": 16},
}


def built(family="ResNeSt", **arguments):
    return getattr(keras_resnets, family)(
        depths=(1, 1), planes=16, input_shape=(32, 32, 3), **FAMILIES[family], **arguments
    )


def kernels(model):
    return [v.numpy() for v in model.weights if v.path.endswith("kernel") and len(v.shape) == 4]


@pytest.fixture
def counted(monkeypatch):
    """The shapes of all kernels that are drawn."""
    shapes = []
    draw = keras.initializers.VarianceScaling.__call__

    def counting(self, shape, dtype=None):
        shapes.append(tuple(shape))
        return draw(self, shape, dtype)

    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", counting)
    return shapes


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_are_drawn_by_fan_out(family, counted):
    drawn = kernels(built(family))
    assert len([shape for shape in counted if len(shape) == 4]) == len(drawn)
    for kernel in drawn:
        if kernel.size > 5000:
            fan_out = kernel.shape[0] * kernel.shape[1] * kernel.shape[3]
            assert kernel.var() == pytest.approx(2 / fan_out, rel=0.15)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_none_is_drawn_where_weights_follow(suffix, counted, tmp_path):
    model = built(classes=3)
    path = tmp_path / f"model{suffix}"
    (model.save_weights if suffix == ".weights.h5" else model.save)(path)
    counted.clear()
    same = built(weights=str(path))
    if suffix == ".keras":
        same = load_keras(path)
    assert counted == []
    for ours, theirs in zip(same.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    keras_resnets.deploy(model)
    assert counted == []


def test_a_head_without_weights_is_drawn(tmp_path):
    path = tmp_path / "model.weights.h5"
    built(classes=3).save_weights(path)
    with pytest.warns(FreshHeadWarning):
        other = built(classes=4, weights=str(path))
    assert other.layers[-1].kernel.numpy().std() == pytest.approx(0.01, rel=0.2)


def test_a_layer_alone_is_drawn_after_a_load_that_failed(tmp_path):
    path = tmp_path / "model.weights.h5"
    built("Res2Net", classes=3).save_weights(path)
    with pytest.raises(ValueError, match="does not fit"):
        built("ResNeSt", weights=str(path))
    layer = SplitAttention(16)
    layer.build((None, 8, 8, 16))
    assert all(kernel.std() > 0 for kernel in map(np.asarray, layer.get_weights()[:1]))


def test_a_saved_network_does_not_name_the_initializer():
    assert "KernelInitializer" not in built().to_json()  # so that it can move
