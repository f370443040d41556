"""The simulation of int8: what it rounds, where, and what it learns."""

import keras
import networks
import numpy as np
import pytest
from keras import ops

import keras_resnets
from keras_resnets.layers import ConvNorm
from keras_resnets.quantization import FakeQuantize, Int8Simulation, RoundedWeights
from keras_resnets.quantization.rounding import rounded

IMAGES = np.random.default_rng(0).normal(size=(8, 32, 32, 3)).astype("float32")


def settled(family):
    arguments = {} if family == "ReXNet" else {"stem": "small", "depths": (1, 1)}
    network = networks.small(
        family, input_shape=(32, 32, 3), classes=4, classifier_activation=None, **arguments
    )
    return networks.settle(networks.randomise(network, np.random.default_rng(0)), IMAGES)


def test_fake_quantisation_is_that_of_the_formula():
    layer = FakeQuantize()
    layer.observe(np.array([-1.3, 2.7]))
    values = np.linspace(-3, 4, 1001).astype("float32")
    found = np.asarray(layer(values))
    scale = 4.0 / 255
    zero = round(1.3 / scale)
    expected = (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # What other back ends compute.
    np.testing.assert_allclose(np.asarray(rounded(values, -1.3, 2.7)), expected, atol=1e-5)
    assert len(np.unique(found)) == 256
    assert 0 in found


def test_gradients_pass_within_the_range_and_move_its_ends():
    tf = pytest.importorskip("tensorflow")
    layer = FakeQuantize()
    layer.observe(np.array([-1.0, 1.0]))
    values = tf.constant([-2.0, 0.3, 0.5, 5.0, 6.0])
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(layer(values, training=True) * [1.0, 10.0, 100.0, 1000.0, 10000.0])
    inner, (low, high) = tape.gradient(total, [values, layer.trainable_variables])
    assert inner.numpy().tolist() == [0, 10, 100, 0, 0]
    assert (float(low), float(high)) == (1, 11000)


def test_weights_are_rounded_for_each_output():
    conv = keras.layers.Conv2D(3, 1, use_bias=False)
    conv.build((None, 4, 4, 2))
    kernel = np.array([[1.27, 127.0, 0.0], [0.506, -0.4, 0.0]], "float32").reshape(1, 1, 2, 3)
    conv.set_weights([kernel])
    found = np.asarray(RoundedWeights(conv).kernel()).reshape(2, 3)
    np.testing.assert_allclose(found, [[1.27, 127, 0], [0.51, 0, 0]], atol=1e-6)


def test_a_bias_is_rounded_in_steps_of_inputs_times_weights():
    conv = keras.layers.Conv2D(2, 1)
    conv.build((None, 4, 4, 1))
    conv.set_weights(
        [np.array([1.27, 127.0], "float32").reshape(1, 1, 1, 2), np.array([0.00126, 0.26])]
    )
    inputs = FakeQuantize()
    inputs.observe(np.array([0.0, 25.5]))  # steps of 0.1, times 0.01 and 1
    np.testing.assert_allclose(RoundedWeights(conv, inputs=inputs).bias(), [0.001, 0.3], atol=1e-6)
    np.testing.assert_allclose(RoundedWeights(conv).bias(), [0.00126, 0.26], atol=1e-6)


@pytest.mark.parametrize("family", networks.FAMILIES)
def test_it_errs_by_rounding_alone_and_is_the_same_once_loaded(family, tmp_path):
    network = settled(family)
    simulation = Int8Simulation(keras_resnets.deploy(network))
    simulation.calibrate([IMAGES])
    exact, found = np.asarray(network(IMAGES)), np.asarray(simulation(IMAGES))
    assert np.abs(found - exact).max() > 1e-4
    if family != "ReXNet":  # drawn at random, its 16 blocks amplify whatever is rounded
        assert np.sqrt(np.square(found - exact).mean()) < 0.1 * exact.std()
    np.testing.assert_allclose(simulation.network(IMAGES), exact, atol=1e-3)
    simulation.save(tmp_path / "simulation.keras")
    loaded = keras.models.load_model(tmp_path / "simulation.keras")
    np.testing.assert_array_equal(loaded(IMAGES), found)
    assert loaded.ranges == simulation.ranges


def test_places_of_a_residual_block():
    """Each activation that a file stores, and none that is fused, handed on, or of the head."""
    ranges = Int8Simulation(keras_resnets.deploy(settled("Res2Net"))).ranges
    block = {name.removeprefix("stage2_block1_") for name in ranges if name.startswith("stage2")}
    # 1x1 and three 3x3 convolutions, each with its ReLU, and a pool, whose outputs are joined; three
    # paddings and the pool's; the split; the shortcut; the sum behind its ReLU.
    joined = {"relu2", "relu3", "relu4", "depthwiseconv1", "concatenate1"}
    assert block == {
        *("relu1", "split1", "pad1", "pad2", "pad3", "pad4"),
        *joined,
        *("groupedconv2d1", "groupedconv2d6", "relu5"),
    }
    assert len({ranges[f"stage2_block1_{name}"] for name in joined}) == 1
    assert {"images", "stem_relu1"} < ranges.keys()
    assert not {"avg_pool", "predictions", "stem_groupedconv2d1"} & ranges.keys()
    assert ranges["stage2_block1_pad1"] == ranges["stage2_block1_relu1"]


def test_a_sigmoid_has_the_range_of_the_format():
    simulation = Int8Simulation(keras_resnets.deploy(settled("ResNeSt")))
    simulation.calibrate([IMAGES])
    assert simulation.ranges["stage1_block1_sigmoid1"] == (0.0, 255 / 256)


def test_layers_that_a_file_would_not_fold_are_refused():
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.BatchNormalization(name="alone")(ConvNorm(4, 3)(inputs))
    model = keras.Model(inputs, ops.mean(outputs, axis=(1, 2)))
    with pytest.raises(ValueError, match="Received: alone, a BatchNormalization"):
        Int8Simulation(keras_resnets.deploy(model))
