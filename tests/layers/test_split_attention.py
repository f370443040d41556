"""`SplitAttention` against NumPy, and its two layouts, which are one function."""

import formulas
import numpy as np
import pytest

from keras_resnets.layers import SplitAttention
from keras_resnets.layers.split_attention import radix_major_order

# radix, cardinality
SHAPES = [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (1, 4)]


def built(rng, randomise, side=7, **arguments):
    layer = SplitAttention(16, **arguments)
    images = rng.normal(size=(2, side, side, 16))
    layer.build(images.shape)
    return randomise(layer), images


def attention_logits(layer, pooled):
    """The two grouped 1x1 layers; the output is cardinality-major."""
    hidden = formulas.conv_norm(layer.fc1, pooled, formulas.relu)
    kernel, bias = layer.fc2.get_weights()
    return formulas.conv(hidden, kernel, groups=layer.cardinality, bias=bias)


def radix_major_block(layer, images):
    """The released implementation: the convolution's channels are `(radix, cardinality, rest)`."""
    radix, cardinality, rest = layer.radix, layer.cardinality, 16 // layer.cardinality
    if layer.pool == "before":
        images = formulas.average_pool(images, strides=layer.strides)
    maps = formulas.conv_norm(layer.conv, images, formulas.relu)
    maps = maps.reshape(*maps.shape[:3], radix, 16)
    pooled = maps.sum(3).mean((1, 2), keepdims=True)
    logits = attention_logits(layer, pooled).reshape(-1, cardinality, radix, rest)
    weights = formulas.sigmoid(logits) if radix == 1 else formulas.softmax(logits, axis=2)
    weights = weights.transpose(0, 2, 1, 3).reshape(-1, 1, 1, radix, 16)
    outputs = (weights * maps).sum(3)
    return (
        formulas.average_pool(outputs, strides=layer.strides) if layer.pool == "after" else outputs
    )


def cardinality_major_block(layer, images):
    """The paper's figure 2: each cardinal group holds its own radix maps and attends to them alone.

    The convolution's filters are reordered from radix-major to cardinality-major, and so are its
    groups, since each of them reads its own slice of the input.
    """
    radix, cardinality, rest = layer.radix, layer.cardinality, 16 // layer.cardinality
    kernel = layer.conv.conv.get_weights()[0]
    statistics = layer.conv.norm.get_weights()
    groups = radix * cardinality
    read, made = 16 // groups, 16 * radix // groups
    outputs = []
    hidden_kernel = layer.fc1.conv.get_weights()
    for k in range(cardinality):
        maps = []
        for r in range(radix):
            g = r * cardinality + k  # the radix-major place of map r of cardinal group k
            columns = slice(g * made, (g + 1) * made)
            part = formulas.conv(images[..., g * read : (g + 1) * read], kernel[..., columns])
            maps.append(formulas.relu(formulas.norm(part, *(s[columns] for s in statistics))))
        pooled = sum(maps).mean((1, 2), keepdims=True)
        units = layer.fc1.filters // cardinality
        own = slice(k * units, (k + 1) * units)
        hidden = formulas.conv(pooled, hidden_kernel[0][..., own], bias=hidden_kernel[1][own])
        hidden = formulas.relu(
            formulas.norm(hidden, *(s[own] for s in layer.fc1.norm.get_weights()))
        )
        fc2_kernel, fc2_bias = layer.fc2.get_weights()
        own = slice(k * radix * rest, (k + 1) * radix * rest)
        logits = formulas.conv(hidden, fc2_kernel[..., own], bias=fc2_bias[own])
        logits = logits.reshape(-1, 1, 1, radix, rest)
        weights = formulas.sigmoid(logits) if radix == 1 else formulas.softmax(logits, axis=3)
        outputs.append(sum(weights[..., r, :] * maps[r] for r in range(radix)))
    return np.concatenate(outputs, axis=-1)


@pytest.mark.parametrize("radix, cardinality", SHAPES)
@pytest.mark.parametrize("strides, pool", [(1, None), (1, "after"), (2, "after"), (2, "before")])
def test_equals_the_radix_major_formula(radix, cardinality, strides, pool, rng, randomise):
    layer, images = built(
        rng, randomise, radix=radix, cardinality=cardinality, strides=strides, pool=pool
    )
    expected = radix_major_block(layer, images)
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    np.testing.assert_allclose(layer.deployed()(images), expected, atol=1e-5)


@pytest.mark.parametrize("radix, cardinality", SHAPES)
def test_cardinality_major_is_the_same_function(radix, cardinality, rng, randomise):
    layer, images = built(rng, randomise, radix=radix, cardinality=cardinality)
    np.testing.assert_allclose(
        cardinality_major_block(layer, images), radix_major_block(layer, images), atol=1e-5
    )
    np.testing.assert_allclose(layer(images), cardinality_major_block(layer, images), atol=1e-5)


def test_the_order_maps_cardinality_major_to_radix_major():
    # Two cardinal groups (a, b) of radix 2, two channels each.
    cardinality_major = np.array("a0x a0y a1x a1y b0x b0y b1x b1y".split())
    order = radix_major_order(4, radix=2, cardinality=2)
    assert cardinality_major[order].tolist() == "a0x a0y b0x b0y a1x a1y b1x b1y".split()


def test_hidden_units_follow_the_released_checkpoints():
    units = [
        SplitAttention(f, radix=r).fc1.filters for f, r in [(64, 2), (128, 2), (512, 2), (64, 1)]
    ]
    assert units == [32, 64, 256, 32]


def test_passes_what_every_layer_passes(check_layer):
    check_layer(SplitAttention(8, radix=2, cardinality=2, strides=2, pool="after"))


@pytest.mark.parametrize(
    "arguments, message",
    [({"strides": 2}, "strides=2, pool=None"), ({"pool": "first"}, "pool='first'")],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SplitAttention(8, **arguments)
