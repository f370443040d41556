"""`Bottleneck`: the residual sum, its shortcuts, what is dropped, and ResNeXt's three forms."""

import formulas
import keras
import numpy as np
import pytest

from keras_resnets.layers import Bottleneck, ConvNorm, Res2NetScale, SplitAttention, SqueezeExcite


def grouped(width, groups=4, strides=1):
    return ConvNorm(width, 3, groups=groups, strides=strides, activation="relu", name="spatial")


def built(layer, images, randomise):
    layer.build(images.shape)
    return randomise(layer)


@pytest.fixture
def images(rng):
    return rng.normal(size=(2, 9, 9, 16)).astype("float32")


def test_identity_shortcut(images, randomise):
    block = built(Bottleneck(16, 8, grouped(8)), images, randomise)
    np.testing.assert_allclose(
        block(images), formulas.bottleneck(block, images, formulas.relu_conv_norm), atol=1e-5
    )


def test_the_attention_is_the_last_word_of_the_branch(images, randomise):
    attention = SqueezeExcite(3, use_norm=False, name="attention")
    block = built(Bottleneck(16, 8, grouped(8), attention=attention), images, randomise)
    expected = formulas.bottleneck(block, images, formulas.relu_conv_norm)
    np.testing.assert_allclose(block(images), expected, atol=1e-5)
    np.testing.assert_allclose(block.deployed()(images), expected, atol=1e-5)


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("shortcut", ["conv", "pool"])
def test_strided_shortcuts(shortcut, side, rng, randomise):
    images = rng.normal(size=(2, side, side, 16)).astype("float32")
    block = Bottleneck(24, 8, grouped(8, strides=2), strides=2, shortcut=shortcut)
    built(block, images, randomise)
    expected = formulas.bottleneck(block, images, formulas.relu_conv_norm)
    np.testing.assert_allclose(block(images), expected, atol=1e-5)
    np.testing.assert_allclose(block.deployed()(images), block(images), atol=1e-5)


def residual_sum_of_branches(block, images, groups):
    """Figure 3(a) of the ResNeXt paper: split, transform, sum."""
    kernel1, kernel2, kernel3 = (
        c.conv.get_weights()[0] for c in (block.conv1, block.spatial, block.conv3)
    )
    width = kernel2.shape[2]
    total = 0.0
    for g in range(groups):
        own = slice(g * width, (g + 1) * width)
        part = formulas.conv(images, kernel1[..., own])
        part = formulas.relu(formulas.norm(part, *(s[own] for s in block.conv1.norm.get_weights())))
        part = formulas.conv(part, kernel2[..., own])
        part = formulas.norm(part, *(s[own] for s in block.spatial.norm.get_weights()))
        total = total + formulas.conv(formulas.relu(part), kernel3[:, :, own])
    return formulas.relu(images + formulas.norm(total, *block.conv3.norm.get_weights()))


def early_concatenation(block, images, groups):
    """Figure 3(b): the branches are concatenated before one wide 1x1 convolution."""
    kernel1, kernel2, kernel3 = (
        c.conv.get_weights()[0] for c in (block.conv1, block.spatial, block.conv3)
    )
    width = kernel2.shape[2]
    parts = []
    for g in range(groups):
        own = slice(g * width, (g + 1) * width)
        part = formulas.conv(images, kernel1[..., own])
        part = formulas.relu(formulas.norm(part, *(s[own] for s in block.conv1.norm.get_weights())))
        part = formulas.conv(part, kernel2[..., own])
        part = formulas.norm(part, *(s[own] for s in block.spatial.norm.get_weights()))
        parts.append(formulas.relu(part))
    joined = formulas.conv(np.concatenate(parts, axis=-1), kernel3)
    return formulas.relu(images + formulas.norm(joined, *block.conv3.norm.get_weights()))


def test_the_three_forms_of_resnext_are_one_function(images, randomise):
    block = built(Bottleneck(16, 8, grouped(8, groups=4)), images, randomise)
    split_transform_sum = residual_sum_of_branches(block, images, groups=4)
    np.testing.assert_allclose(
        early_concatenation(block, images, groups=4), split_transform_sum, atol=1e-5
    )
    np.testing.assert_allclose(block(images), split_transform_sum, atol=1e-5)


@pytest.mark.parametrize(
    "spatial",
    [
        lambda: grouped(8, strides=2),
        lambda: SplitAttention(8, strides=2, pool="after", name="spatial"),
        lambda: Res2NetScale(8, strides=2, connected=False, name="spatial"),
    ],
    ids=["resnext", "resnest", "res2net"],
)
@pytest.mark.parametrize("shortcut", ["conv", "pool"])
def test_passes_what_every_layer_passes(spatial, shortcut, check_layer):
    check_layer(Bottleneck(24, 8, spatial(), strides=2, shortcut=shortcut))


def test_with_an_attention_it_passes_too(check_layer):
    attention = SqueezeExcite(3, use_norm=False, name="attention")
    check_layer(Bottleneck(24, 8, grouped(8), shortcut="conv", attention=attention))


@pytest.mark.parametrize("rates", [{"drop_path_rate": 0.5}, {"drop_block_rate": 0.3}])
def test_dropping_acts_on_the_branch_and_never_on_the_shortcut(rates, rng, randomise):
    """With the branch's last norm at zero the block must be the same in training, dropped or not."""
    images = rng.normal(size=(64, 8, 8, 16)).astype("float32")
    block = built(Bottleneck(16, 8, grouped(8), zero_gamma=True, **rates), images, randomise)
    still = block(images, training=False)
    different = {block(images, training=True).numpy().tobytes() for _ in range(4)}
    assert len(different) == 4
    for weight in ("gamma", "beta"):
        variable = getattr(block.conv3.norm, weight)
        variable.assign(np.zeros(variable.shape))
    np.testing.assert_array_equal(block(images, training=True), np.maximum(images, 0))
    assert np.abs(still - np.maximum(images, 0)).max() > 0.1


def test_half_of_the_samples_keep_their_branch(rng, randomise):
    images = rng.normal(size=(1000, 1, 1, 16)).astype("float32")
    block = built(Bottleneck(16, 8, grouped(8), drop_path_rate=0.25), images, randomise)
    outputs = keras.ops.convert_to_numpy(block(images, training=True))
    dropped = (np.abs(outputs - np.maximum(images, 0)) < 1e-6).all(axis=(1, 2, 3))
    assert 0.2 < dropped.mean() < 0.3


def test_an_identity_between_unequal_shapes_is_refused(images):
    with pytest.raises(ValueError, match="input channels=16, filters=24, strides=1. Use shortcut="):
        Bottleneck(24, 8, grouped(8)).build(images.shape)


def test_an_unknown_shortcut_is_refused():
    with pytest.raises(ValueError, match="Received: shortcut='sum'"):
        Bottleneck(24, 8, grouped(8), shortcut="sum")


@pytest.mark.parametrize("dtype", ["float32", "mixed_float16"])
def test_a_layer_that_is_handed_in_takes_the_precision_of_the_block(dtype):
    spatial = ConvNorm(4, 3)
    own = Bottleneck(8, 4, spatial, dtype=dtype).spatial
    assert own.dtype_policy.name == dtype
    assert (own is spatial) == (dtype == "float32")
