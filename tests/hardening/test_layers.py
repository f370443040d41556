"""Every layer, over shapes, strides, dilations, groups and dtypes, against the formulas."""

from functools import partial

import formulas
import keras
import networks
import numpy as np
import pytest
from hardening.conftest import sizes
from hypothesis import HealthCheck, given, settings, strategies as st

from keras_resnets.layers import (
    Bottleneck,
    ConvNorm,
    DropBlock,
    GroupedConv2D,
    LinearBottleneck,
    PaddedAveragePool,
    PooledConv,
    Res2NetScale,
    ShortcutPool,
    SplitAttention,
    SqueezeExcite,
    Stem,
    StochasticDepth,
)
from keras_resnets.layers.batch_norm import BatchNorm

# Of the largest output: a few roundings of the compute dtype, one behind the other.
TOLERANCES = {"float32": 1e-5, "mixed_float16": 1e-2, "mixed_bfloat16": 6e-2}

dtypes = st.sampled_from(sorted(TOLERANCES))
few = st.integers(1, 4)
sides = st.integers(1, 11)
flags = st.booleans()


@st.composite
def steps(draw):
    """Strides and dilation, of which only one may be above 1."""
    strides, dilation_rate = draw(st.sampled_from([(1, 1), (2, 1), (3, 1), (1, 2), (1, 3), (1, 4)]))
    return {"strides": strides, "dilation_rate": dilation_rate}


@st.composite
def grouped(draw):
    """Input channels, filters and groups that divide both."""
    groups = draw(st.sampled_from([1, 1, 2, 3, 4, 8, 16]))
    return draw(few) * groups, {"filters": draw(few) * groups, "groups": groups}


@st.composite
def conv_norm(draw, dtype):
    channels, shape = draw(grouped())
    kernel_size = draw(st.sampled_from([1, 3, 5, 7]))
    layer = partial(
        ConvNorm,
        kernel_size=kernel_size,
        use_bias=draw(flags),
        dtype=dtype,
        **shape,
        **draw(steps()),
    )
    return layer, channels, formulas.conv_norm


@st.composite
def grouped_conv(draw, dtype):
    channels, shape = draw(grouped())
    lowering = draw(st.sampled_from([None, "native", "super_group"]))
    layer = partial(
        GroupedConv2D,
        kernel_size=draw(st.sampled_from([1, 3])),
        dilation_rate=draw(few),
        padding="same",
        lowering=lowering,
        dtype=dtype,
        **shape,
    )

    def formula(layer, images):
        kernel, bias = layer.get_weights()
        (dilation_rate, _) = layer.dilation_rate
        return formulas.conv(
            images, kernel, groups=layer.groups, dilation_rate=dilation_rate, bias=bias
        )

    return layer, channels, formula


@st.composite
def split_attention(draw, dtype):
    radix, cardinality = draw(few), draw(st.sampled_from([1, 2, 4]))  # of 32 hidden units
    step = draw(steps())
    pool = draw(st.sampled_from(["before", "after"] + [None] * (step["strides"] == 1)))
    layer = partial(
        SplitAttention,
        cardinality * draw(few),
        draw(st.sampled_from([1, 3, 5])),
        radix=radix,
        cardinality=cardinality,
        pool=pool,
        dtype=dtype,
        **step,
    )
    return layer, radix * cardinality * draw(few), formulas.split_attention


@st.composite
def res2net_scale(draw, dtype):
    scale, cardinality = draw(st.integers(2, 8)), draw(few)
    step = draw(steps())
    filters = scale * cardinality * draw(few)
    layer = partial(
        Res2NetScale,
        filters,
        scale=scale,
        cardinality=cardinality,
        connected=step["strides"] == 1 and draw(flags),
        dtype=dtype,
        **step,
    )
    return layer, filters, formulas.res2net_scale


@st.composite
def linear_bottleneck(draw, dtype):
    channels = draw(st.integers(1, 8))
    expand, step = draw(flags), draw(steps())
    shortcut = step["strides"] == 1 and draw(flags)
    layer = partial(
        LinearBottleneck,
        channels + draw(few) if shortcut else draw(st.integers(1, 8)),
        channels * draw(few) if expand else channels,
        expand=expand,
        shortcut=shortcut,
        squeezed=draw(st.sampled_from([None, 1, 3])),
        activation=draw(st.sampled_from(["silu", "relu6"])),
        dtype=dtype,
        **step,
    )
    return layer, channels, formulas.linear_bottleneck


@st.composite
def bottleneck(draw, dtype):
    kind = draw(st.sampled_from(["grouped", "attention", "scale"]))
    step = draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    strides, dilation_rate = step
    options = {
        "strides": strides,
        "dilation_rate": dilation_rate,
        "dtype": dtype,
        "name": "spatial",
    }
    width, channels = 4 * draw(few), draw(st.integers(1, 8))
    spatial, formula = {
        "grouped": (
            lambda: ConvNorm(width, 3, groups=4, activation="relu", **options),
            formulas.relu_conv_norm,
        ),
        "attention": (
            lambda: SplitAttention(width, cardinality=2, pool="after", **options),
            formulas.split_attention,
        ),
        "scale": (
            lambda: Res2NetScale(width, connected=strides == 1, **options),
            formulas.res2net_scale,
        ),
    }[kind]
    shortcuts = ["conv", "pool"] + ["identity"] * (strides == 1)
    shortcut = draw(st.sampled_from(shortcuts))
    layer = partial(
        _bottleneck,
        spatial,
        channels if shortcut == "identity" else draw(st.integers(1, 8)),
        width,
        strides=strides,
        dilation_rate=dilation_rate,
        shortcut=shortcut,
        zero_gamma=draw(flags),
        dtype=dtype,
    )
    return layer, channels, partial(formulas.bottleneck, spatial=formula)


def _bottleneck(spatial, filters, width, **options):
    return Bottleneck(filters, width, spatial(), **options)


@st.composite
def stem(draw, dtype):
    kind = draw(st.sampled_from(["conv7", "deep", "small"]))
    pool = draw(st.sampled_from(["max", "average"]))
    layer = partial(Stem, 2 * draw(few), kind=kind, pool=pool, dtype=dtype)
    return layer, draw(few), formulas.stem


@st.composite
def squeeze_excite(draw, dtype):
    layer = partial(SqueezeExcite, draw(few), use_norm=draw(flags), dtype=dtype)
    return layer, draw(few), formulas.squeeze_excite


@st.composite
def padded_pool(draw, dtype):
    def formula(layer, images):
        return formulas.average_pool(
            images, strides=layer.strides, dilation_rate=layer.dilation_rate
        )

    return partial(PaddedAveragePool, dtype=dtype, **draw(steps())), draw(few), formula


@st.composite
def shortcut_pool(draw, dtype):
    def formula(layer, images):
        return formulas.pair_means(images, strides=layer.strides, dilation_rate=layer.dilation_rate)

    step = draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (1, 4)]))
    layer = partial(ShortcutPool, strides=step[0], dilation_rate=step[1], dtype=dtype)
    return layer, draw(few), formula


@st.composite
def pooled_conv(draw, dtype):
    def formula(layer, images):
        outputs = formulas.relu_conv_norm(layer.conv, images)
        return formulas.pair_means(
            outputs, strides=layer.strides, dilation_rate=layer.dilation_rate
        )

    groups = draw(few)
    layer = partial(PooledConv, groups * draw(few), groups=groups, dtype=dtype, **draw(steps()))
    return layer, groups * draw(few), formula


@st.composite
def batch_norm(draw, dtype):
    return (
        partial(BatchNorm, dtype=dtype),
        draw(st.sampled_from([1, 5, 8, 16])),
        formulas.batch_norm,
    )


@st.composite
def dropping(draw, dtype):
    kind = draw(st.sampled_from([DropBlock, StochasticDepth]))
    return partial(kind, draw(st.floats(0, 0.99)), dtype=dtype), draw(few), lambda _, images: images


LAYERS = {
    strategy.__name__: strategy
    for strategy in (
        conv_norm,
        grouped_conv,
        split_attention,
        res2net_scale,
        linear_bottleneck,
        bottleneck,
        stem,
        squeeze_excite,
        padded_pool,
        shortcut_pool,
        pooled_conv,
        batch_norm,
        dropping,
    )
}


def agrees(layer, images, formula, dtype):
    """Whether a layer, and its deployed form, is what the formula says at every position."""
    layer.build(images.shape)
    networks.randomise(layer, np.random.default_rng(0))
    expected = formula(layer, images.astype("float64"))
    forms = [layer, layer.deployed()] if hasattr(layer, "deployed") else [layer]
    shape = layer.compute_output_shape(images.shape)
    return all(
        _close(keras.ops.convert_to_numpy(form(images)), expected, shape, TOLERANCES[dtype])
        for form in forms
    )


def _close(actual, expected, shape, tolerance):
    error = np.abs(actual.astype("float64") - expected).max()
    return actual.shape == expected.shape == tuple(shape) and (
        error <= tolerance * max(1, np.abs(expected).max())
    )


@sizes(3, 300)
@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_is_its_formula(kind, tries, tally):
    count = tally("layers", seconds=60)

    @settings(
        max_examples=tries,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        dtype = data.draw(dtypes)
        layer, channels, formula = data.draw(LAYERS[kind](dtype))
        shape = (data.draw(st.integers(1, 3)), data.draw(sides), data.draw(sides), channels)
        images = np.random.default_rng(1).normal(size=shape).astype("float32")
        case = (kind, layer, shape)
        count.attempt(case, lambda: agrees(layer(), images, formula, dtype))

    run()
