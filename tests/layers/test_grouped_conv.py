"""`GroupedConv2D` against one convolution per group, in every lowering, with gradients."""

import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnets.layers import GroupedConv2D, _lowering as lowerings

LOWERINGS = ["native", "super_group", "keras"]
GEOMETRIES = [
    # side, strides, dilation_rate, padding
    (8, 1, 1, "same"),
    (9, 1, 1, "valid"),
    (9, 2, 1, "same"),
    (8, 2, 1, "same"),
    (8, 2, 1, "valid"),
    (9, 1, 2, "same"),
    (9, 1, 2, "valid"),
]


def split_reference(inputs, kernel, bias, groups, strides, dilation_rate, padding):
    """The definition: each group convolved alone, the results side by side."""
    outputs = [
        tf.nn.convolution(
            part, part_kernel, strides=strides, dilations=dilation_rate, padding=padding.upper()
        )
        for part, part_kernel in zip(
            tf.split(inputs, groups, -1), tf.split(kernel, groups, -1), strict=True
        )
    ]
    return tf.concat(outputs, -1) + bias


def value_and_gradients(function, inputs, weights):
    with tf.GradientTape() as tape:
        tape.watch([inputs, *weights])
        outputs = function()
        # A weight of its own for each output, so that no two gradients are the same sum.
        loss = tf.reduce_sum(outputs * np.cos(np.arange(tf.size(outputs))).reshape(outputs.shape))
    return outputs, tape.gradient(loss, [inputs, *weights])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize(("side", "strides", "dilation_rate", "padding"), GEOMETRIES)
@pytest.mark.parametrize(
    ("channels", "filters", "groups"), [(16, 32, 2), (48, 48, 12), (22, 44, 11)]
)
def test_values_and_gradients_equal_the_split(
    lowering, side, strides, dilation_rate, padding, channels, filters, groups, rng, randomise
):
    layer = GroupedConv2D(
        filters,
        3,
        strides=strides,
        dilation_rate=dilation_rate,
        padding=padding,
        groups=groups,
        lowering=lowering,
    )
    layer.build((None, side, side, channels))
    randomise(layer)
    inputs = tf.constant(rng.normal(size=(2, side, side, channels)), "float32")
    kernel, bias = (tf.constant(w) for w in layer.get_weights())
    expected, expected_gradients = value_and_gradients(
        lambda: split_reference(inputs, kernel, bias, groups, strides, dilation_rate, padding),
        inputs,
        [kernel, bias],
    )
    outputs, gradients = value_and_gradients(
        lambda: layer(inputs), inputs, [v.value for v in layer.weights]
    )
    assert_close(outputs, expected)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("strides", [1, 2])
def test_one_group_a_channel_is_the_depthwise_convolution(multiplier, strides, rng):
    layer = GroupedConv2D(12 * multiplier, 3, groups=12, strides=strides, padding="same")
    inputs = tf.constant(rng.normal(size=(2, 9, 9, 12)), "float32")
    outputs = layer(inputs)
    kernel, bias = layer.weights
    expected = split_reference(inputs, kernel.value, bias.value, 12, strides, 1, "same")
    assert_close(outputs, expected)
    assert lowerings.choose_lowering(12, 12, "float32") == "depthwise"


@pytest.mark.parametrize("lowering", [None, "pointwise"])
@pytest.mark.parametrize(("channels", "filters"), [(16, 32), (27, 5)])
def test_a_kernel_of_one_position_is_a_product_of_matrices(
    lowering, channels, filters, rng, randomise
):
    layer = GroupedConv2D(filters, 1, lowering=lowering)
    layer.build((None, None, None, channels))
    randomise(layer)
    inputs = tf.constant(rng.normal(size=(2, 7, 5, channels)), "float32")
    kernel, bias = (tf.constant(w) for w in layer.get_weights())
    expected, expected_gradients = value_and_gradients(
        lambda: split_reference(inputs, kernel, bias, 1, 1, 1, "same"), inputs, [kernel, bias]
    )
    outputs, gradients = value_and_gradients(
        lambda: layer(inputs, training=True), inputs, [v.value for v in layer.weights]
    )
    assert_close(outputs, expected)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert_close(gradient, expected_gradient)


@pytest.mark.parametrize(
    ("training", "products", "convolutions"), [(True, 2, 1), (False, 0, 3), (None, 0, 3)]
)
def test_only_what_learns_is_computed_by_products(training, products, convolutions):
    images = keras.Input((None, 8, 3))
    maps = GroupedConv2D(8, 1)(images)
    maps = GroupedConv2D(8, 3, padding="same")(maps)
    network = keras.Model(images, GroupedConv2D(4, 1)(maps))
    traced = tf.function(lambda batch: network(batch, training=training)).get_concrete_function(
        tf.TensorSpec((None, 9, 8, 3))
    )
    kinds = [operation.type for operation in traced.graph.get_operations()]
    assert (kinds.count("MatMul"), kinds.count("Conv2D")) == (products, convolutions)
    assert traced.outputs[0].shape.as_list() == [None, 9, 8, 4]


@pytest.mark.parametrize(
    "arguments",
    [{"kernel_size": 3}, {"kernel_size": 1, "strides": 2}, {"kernel_size": 1, "groups": 2}],
)
def test_a_product_of_matrices_is_refused_for_another_kernel(arguments):
    with pytest.raises(ValueError, match="Expected one group, a kernel_size and strides of 1"):
        GroupedConv2D(8, lowering="pointwise", **arguments)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_low_precision_trains(dtype, rng):
    layer = GroupedConv2D(32, 3, groups=4, padding="same", dtype=dtype)
    reference = GroupedConv2D(32, 3, groups=4, padding="same", lowering="super_group")
    inputs = tf.constant(rng.normal(size=(2, 8, 8, 16)), "float32")
    for twin in (layer, reference):
        twin.build(inputs.shape)
    reference.set_weights(layer.get_weights())
    _, gradients = value_and_gradients(
        lambda: tf.cast(layer(inputs), "float32"), inputs, [layer.kernel.value]
    )
    _, expected = value_and_gradients(lambda: reference(inputs), inputs, [reference.kernel.value])
    for gradient, expected_gradient in zip(gradients, expected, strict=True):
        scale = np.abs(expected_gradient).max()
        np.testing.assert_allclose(gradient, expected_gradient, atol=0.03 * scale)


def test_the_choice_follows_the_machine(monkeypatch):
    monkeypatch.setattr(lowerings, "_cpu_differentiates_groups", lambda dtype: dtype == "float32")
    assert lowerings.choose_lowering(1, 64, "float32") == "keras"
    assert lowerings.choose_lowering(32, 64, "float32") == "native"
    assert lowerings.choose_lowering(32, 64, "float16") == "super_group"
    monkeypatch.setattr(lowerings, "has_accelerator", lambda: True)
    assert lowerings.choose_lowering(32, 64, "float16") == "native"


def test_a_product_is_chosen_where_it_is_faster(monkeypatch):
    def chosen(dtype="float32", *, is_pointwise=True):
        return lowerings.choose_lowering(1, 64, dtype, is_pointwise=is_pointwise)

    assert chosen() == "keras"  # nothing learns
    token = lowerings.is_learning.set(True)
    try:
        assert (chosen(), chosen(is_pointwise=False)) == ("pointwise", "keras")
        assert chosen("bfloat16") == "keras"
        monkeypatch.setattr(lowerings, "has_accelerator", lambda: True)
        assert chosen() == "keras"
    finally:
        lowerings.is_learning.reset(token)


WITHOUT_ONEDNN = """
import tensorflow as tf
from keras_resnets.layers import GroupedConv2D
from keras_resnets.layers._lowering import choose_lowering
layer = GroupedConv2D(32, 3, groups=16, padding="same", activation="relu")
inputs = tf.random.normal((2, 8, 8, 32), seed=1)
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(layer(inputs))
tape.gradient(loss, layer.trainable_variables[0].value)
print(choose_lowering(16, 32, "float32"))
"""


def test_without_onednn_the_gradient_exists():
    environment = {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "3", "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_ONEDNN], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[-1] == "super_group"


def tiny_model():
    images = keras.Input((8, 8, 16))
    outputs = GroupedConv2D(16, 3, groups=4, padding="same")(images)
    outputs = GroupedConv2D(16, 3, groups=4, padding="same")(outputs)
    outputs = keras.layers.GlobalAveragePooling2D()(outputs)
    model = keras.Model(images, keras.layers.Dense(2)(outputs))
    return model, np.ones((4, 8, 8, 16), "float32"), np.ones((4, 2), "float32")


@pytest.fixture
def compiled_for_xla(monkeypatch):
    """Collects, for each `tf.function` made, whether it asks for XLA."""
    asked = []
    original = tf.function

    def spy(*args, **kwargs):
        asked.append(bool(kwargs.get("jit_compile")))
        return original(*args, **kwargs)

    monkeypatch.setattr(tf, "function", spy)
    return asked


def test_default_fit_evaluate_and_predict_never_compile_for_xla(compiled_for_xla):
    model, inputs, targets = tiny_model()
    model.compile("sgd", "mse")
    model.fit(inputs, targets, verbose=0)
    model.evaluate(inputs, targets, verbose=0)
    model.predict(inputs, verbose=0)
    assert compiled_for_xla
    assert not any(compiled_for_xla)


def test_the_spy_sees_what_keras_own_layer_does(compiled_for_xla):
    layer = keras.layers.Conv2D(16, 3, groups=4)
    layer(np.ones((1, 8, 8, 16), "float32"))
    assert any(compiled_for_xla)


def test_explicit_jit_compile_warns_once_and_stays_affordable():
    lowerings._warn_of_xla_on_cpu.cache_clear()
    model, inputs, targets = tiny_model()
    model.compile("sgd", "mse", jit_compile=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(inputs, targets, verbose=0)
        model.predict(inputs, verbose=0)
    messages = [str(w.message) for w in caught if "jit_compile=True on a CPU" in str(w.message)]
    assert len(messages) == 1


def test_channels_first_is_refused():
    with pytest.raises(ValueError, match="Expected data_format=.channels_last.*channels_first"):
        GroupedConv2D(8, 3, groups=2, data_format="channels_first")


@pytest.mark.parametrize(
    ("groups", "channels", "merged"),
    [(32, 128, 8), (32, 256, 16), (32, 512, 32), (6, 24, 2), (1, 8, 1)],
)
def test_the_form_for_conversion_merges_to_width_16_by_a_constant(groups, channels, merged, rng):
    layer = GroupedConv2D(channels, 3, groups=groups, padding="same", strides=2)
    images = tf.constant(rng.normal(size=(2, 5, 6, channels)), tf.float32)
    expected = layer(images)
    layer.lowering = "frozen"
    np.testing.assert_allclose(layer(images), expected, atol=1e-5)
    graph = tf.function(
        lambda inputs: layer.convolution_op(inputs, layer.kernel)
    ).get_concrete_function(tf.TensorSpec((2, 5, 6, channels)))
    (convolution,) = (op for op in graph.graph.get_operations() if op.type == "Conv2D")
    kernel = convolution.inputs[1]
    assert kernel.op.type == "Const"
    assert kernel.shape == (3, 3, channels // merged, channels)


def test_an_unknown_lowering_is_refused():
    with pytest.raises(ValueError, match="Received: lowering='fast'"):
        GroupedConv2D(8, 3, groups=2, lowering="fast")  # type: ignore[arg-type]


def test_config_round_trip():
    layer = GroupedConv2D(8, 3, groups=2, strides=2, lowering="native")
    assert GroupedConv2D.from_config(layer.get_config()).get_config() == layer.get_config()
