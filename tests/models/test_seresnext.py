"""SE-ResNeXt's own layer, the sizes of its gates, and its checkpoints."""

import formulas
import numpy as np
import pytest
from networks import small

import keras_resnets
from keras_resnets.layers import Bottleneck, ConvNorm, PooledConv
from keras_resnets.weights import HubSource, checkpoints, default_checkpoint


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("step", [{"strides": 2}, {"dilation_rate": 2}])
def test_pooled_conv_equals_the_formula(step, side, rng, randomise):
    layer = PooledConv(12, groups=4, **step)
    images = rng.normal(size=(2, side, side, 8)).astype("float32")
    layer.build(images.shape)
    randomise(layer)
    expected = formulas.relu_conv_norm(layer.conv, images)
    expected = formulas.pair_means(
        expected, strides=layer.strides, dilation_rate=layer.dilation_rate
    )
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


def test_pooled_conv_passes_what_every_layer_passes(check_layer):
    check_layer(PooledConv(12, groups=4, strides=2))
    spatial = PooledConv(8, groups=4, strides=2, name="spatial")
    check_layer(Bottleneck(24, 8, spatial, strides=2, shortcut="pool"))


def test_pooled_conv_refuses_strides_that_its_pool_does_not_know():
    with pytest.raises(ValueError, match="Expected strides of 1 or 2. Received: strides=3"):
        PooledConv(12, strides=3)


def test_a_sixteenth_of_the_channels_is_hidden_in_eights():
    model = small("SEResNeXt", depths=(1, 1, 1), planes=24)
    hidden = [model.get_layer(f"stage{s}_block1").attention.hidden for s in (1, 2, 3)]
    # Of 96, 192 and 384 channels: 6, 12 and 24, rounded to the nearest eight and never to none.
    assert hidden == [8, 16, 24]


def test_pools_take_the_strides_behind_the_stem():
    blurred = small("SEResNeXt", antialias=True)
    sharp = small("SEResNeXt", antialias=False)
    assert (blurred.get_layer("stem").pool, sharp.get_layer("stem").pool) == ("average", "max")
    kinds = [type(blurred.get_layer(f"stage{s}_block1").spatial) for s in (1, 2)]
    assert kinds == [ConvNorm, PooledConv]
    assert type(sharp.get_layer("stage2_block1").spatial) is ConvNorm
    assert blurred.count_params() == sharp.count_params()


def test_a_dilated_network_samples_the_same_function_more_densely(rng, randomise):
    """But for the squeeze-and-excites, which see more positions: their gates are held open."""
    arguments = {"depths": (1, 1, 2), "include_top": False, "input_shape": (64, 64, 3)}
    strided = randomise(small("SEResNeXt", **arguments))
    for layer in strided.layers:
        if (gate := getattr(layer, "attention", None)) is not None:
            gate.fc2.kernel.assign(np.zeros(gate.fc2.kernel.shape))
    dilated = small("SEResNeXt", **arguments, output_stride=8)
    dilated.set_weights(strided.get_weights())
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    dense, sparse = (model.predict(images, verbose=0) for model in (dilated, strided))
    assert (dense.shape[1], sparse.shape[1]) == (8, 4)
    np.testing.assert_allclose(dense[:, ::2, ::2], sparse, atol=1e-5 * np.abs(sparse).max())


def test_every_public_checkpoint_is_there():
    names = [n for n in keras_resnets.list_models() if n.startswith("SEResNeXt")]
    assert [len(checkpoints(name)) for name in names] == [1, 2, 1, 1, 4, 2]
    for name in names:
        assert all(isinstance(c.source, HubSource) for c in checkpoints(name))
        assert {c.licence for c in checkpoints(name)} == {"apache-2.0"}


@pytest.mark.parametrize(
    ("variant", "tag", "top1", "size"),
    [
        ("SEResNeXt26D", "bt_in1k", 78.816, 288),
        ("SEResNeXt50", "racm_in1k", 82.186, 288),
        ("SEResNeXt101_32x8d", "ah_in1k", 84.192, 288),
        ("SEResNeXt101D_32x8d", "ah_in1k", 84.380, 288),
        ("SEResNeXtAA101D_32x8d", "sw_in12k_ft_in1k_288", 86.722, 320),
        ("SEResNeXtAA201D_32x8d", "sw_in12k_ft_in1k_384", 87.304, 384),
    ],
)
def test_imagenet_is_the_best_checkpoint_at_its_best_size(variant, tag, top1, size):
    checkpoint = default_checkpoint(variant)
    assert (checkpoint.tag, checkpoint.best_result.top1) == (tag, top1)
    assert checkpoint.preprocessing.size == size
