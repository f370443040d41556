"""`SplitAttention` against NumPy, and its two layouts, which are one function."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import SplitAttention, convert_layout

# radix, cardinality
SHAPES = [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (1, 4)]


def built(rng, randomise, side=7, **arguments):
    layer = SplitAttention(16, **arguments)
    images = rng.normal(size=(2, side, side, 16))
    layer.build(images.shape)
    return randomise(layer), images


def cardinality_major_block(layer, images):
    """The paper's figure 2: each cardinal group holds its radix maps and attends to them alone."""
    radix, cardinality, rest = layer.radix, layer.cardinality, 16 // layer.cardinality

    def converted(weights):
        return convert_layout(weights, radix=radix, cardinality=cardinality, to="cardinality_major")

    kernel, *statistics = (
        converted(w) for w in (*layer.conv.conv.get_weights(), *layer.conv.norm.get_weights())
    )
    # The layer before makes its channels in the order in which the groups read them.
    maps = formulas.conv(converted(images), kernel, groups=radix * cardinality)
    maps = formulas.relu(formulas.norm(maps, *statistics))
    maps = maps.reshape(*maps.shape[:3], cardinality, radix, rest)
    outputs = []
    for k in range(cardinality):
        own = maps[:, :, :, k]
        weights = formulas.softmax(group_logits(layer, k, own.sum(3)), axis=3)
        if radix == 1:
            weights = formulas.sigmoid(group_logits(layer, k, own.sum(3)))
        outputs.append((weights * own).sum(3))
    return np.concatenate(outputs, axis=-1)


def group_logits(layer, k, summed):
    """The attention of cardinal group `k` alone: `(batch, 1, 1, radix, rest)`."""
    units, rest = layer.fc1.filters // layer.cardinality, 16 // layer.cardinality
    kernel, bias, *statistics = (
        w[..., k * units : (k + 1) * units]
        for w in (*layer.fc1.conv.get_weights(), *layer.fc1.norm.get_weights())
    )
    hidden = formulas.conv(summed.mean((1, 2), keepdims=True), kernel, bias=bias)
    hidden = formulas.relu(formulas.norm(hidden, *statistics))
    own = slice(k * layer.radix * rest, (k + 1) * layer.radix * rest)
    kernel, bias = (w[..., own] for w in layer.fc2.get_weights())
    return formulas.conv(hidden, kernel, bias=bias).reshape(-1, 1, 1, layer.radix, rest)


@pytest.mark.parametrize(("radix", "cardinality"), SHAPES)
@pytest.mark.parametrize(
    ("strides", "pool"), [(1, None), (1, "after"), (2, "after"), (2, "before")]
)
def test_equals_the_radix_major_formula(radix, cardinality, strides, pool, rng, randomise):
    layer, images = built(
        rng, randomise, radix=radix, cardinality=cardinality, strides=strides, pool=pool
    )
    expected = formulas.split_attention(layer, images)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


@pytest.mark.parametrize(("radix", "cardinality"), SHAPES)
def test_cardinality_major_is_the_same_function(radix, cardinality, rng, randomise):
    layer, images = built(rng, randomise, radix=radix, cardinality=cardinality)
    np.testing.assert_allclose(
        cardinality_major_block(layer, images), formulas.split_attention(layer, images), atol=1e-5
    )
    np.testing.assert_allclose(layer(images), cardinality_major_block(layer, images), atol=1e-5)


def test_converting_reorders_the_groups_and_back():
    # Two cardinal groups (a, b) of radix 2, two channels each.
    cardinality_major = np.array(["a0x", "a0y", "a1x", "a1y", "b0x", "b0y", "b1x", "b1y"])
    radix_major = np.array(["a0x", "a0y", "b0x", "b0y", "a1x", "a1y", "b1x", "b1y"])
    shape = {"radix": 2, "cardinality": 2}
    assert (convert_layout(cardinality_major, **shape, to="radix_major") == radix_major).all()
    assert (convert_layout(radix_major, **shape, to="cardinality_major") == cardinality_major).all()
    with pytest.raises(ValueError, match="multiples of radix .* = 4. Received: shape=.6,"):
        convert_layout(np.zeros(6), **shape, to="radix_major")


def test_hidden_units_follow_the_released_checkpoints():
    units = [
        SplitAttention(f, radix=r).fc1.filters for f, r in [(64, 2), (128, 2), (512, 2), (64, 1)]
    ]
    assert units == [32, 64, 256, 32]


def test_passes_what_every_layer_passes(check_layer):
    check_layer(SplitAttention(8, radix=2, cardinality=2, strides=2, pool="after"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"strides": 2}, "strides=2, pool=None"), ({"pool": "first"}, "pool='first'")],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SplitAttention(8, **arguments)
