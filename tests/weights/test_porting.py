import itertools

import keras
import numpy as np
import pytest

from keras_resnets.weights import adapt_channels, port, to_keras_layout
from keras_resnets.weights.porting import without_prefix

# Keras 3.15's variables lack the `copy` argument that NumPy asks for when a model is saved.


def torch_convolution(x, weight, groups=1):
    """PyTorch's definition, position by position: x is HWC, weight OIHW, stride 1, no padding."""
    outputs, inputs, height, width = weight.shape
    side = x.shape[0] - height + 1, x.shape[1] - width + 1
    y = np.zeros((*side, outputs))
    for row, column, o in itertools.product(*map(range, y.shape)):
        first = o // (outputs // groups) * inputs
        patch = x[row : row + height, column : column + width, first : first + inputs]
        y[row, column, o] = (patch.transpose(2, 0, 1) * weight[o]).sum()
    return y


@pytest.mark.parametrize(
    ("layer", "shape", "groups"),
    [
        (keras.layers.Conv2D(5, (3, 2)), (5, 4, 3, 2), 1),
        (keras.layers.Conv2D(4, 4), (4, 4, 4, 4), 1),  # no side tells the axes apart
        (keras.layers.Conv2D(6, 3, groups=2), (6, 2, 3, 3), 2),
        (keras.layers.DepthwiseConv2D(3), (4, 1, 3, 3), 4),
        (keras.layers.Conv2D(4, 3, groups=4), (4, 1, 3, 3), 4),  # the other way to say depthwise
        (keras.layers.Conv2D(1, 1), (1, 4, 1, 1), 1),
    ],
)
def test_convolutions_compute_what_pytorch_computes(rng, layer, shape, groups):
    x, weight = rng.normal(size=(5, 6, 4)), rng.normal(size=shape)
    layer.build((1, 5, 6, 4))
    layer.kernel.assign(to_keras_layout(weight, layer.kernel.shape))
    y = keras.ops.convert_to_numpy(layer(x[None].astype("float32")))[0]
    np.testing.assert_allclose(y, torch_convolution(x, weight, groups), atol=1e-5)


@pytest.mark.parametrize("shape", [(7, 4), (4, 4), (7, 4, 1, 1)])
def test_classifiers_compute_what_pytorch_computes(rng, shape):
    x, weight = rng.normal(size=4), rng.normal(size=shape)
    layer = keras.layers.Dense(shape[0])
    layer.build((1, 4))
    layer.kernel.assign(to_keras_layout(weight, layer.kernel.shape))
    y = keras.ops.convert_to_numpy(layer(x[None].astype("float32")))[0]
    np.testing.assert_allclose(y, weight.reshape(shape[:2]) @ x, atol=1e-5)


def test_a_matrix_becomes_a_1x1_convolution(rng):
    weight = rng.normal(size=(7, 4))
    kernel = to_keras_layout(weight, (1, 1, 4, 7))
    np.testing.assert_array_equal(kernel[0, 0], weight.T)


def test_every_variable_takes_its_tensor(rng, toy):
    model, tensors = toy.model(), toy.tensors(rng)
    port(model, tensors, toy.key_of)
    for variable in model.weights:
        tensor = tensors[toy.key_of(variable.path)]
        np.testing.assert_array_equal(variable, to_keras_layout(tensor, variable.shape))
    assert len(model.weights) == len(tensors) - 1 == 9  # but num_batches_tracked


def _without(tensors, *keys):
    return {key: tensor for key, tensor in tensors.items() if key not in keys}


def _holding(tensors, key, value):
    tensor = tensors[key].copy()
    tensor.flat[-1] = value
    return tensors | {key: tensor}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: _without(t, "bn1.bias"), r"1 missing.*norm/beta ← bn1.bias$"),
        (lambda t: t | {"fc2.bias": t["fc.bias"]}, r"1 unused.*fc2.bias \(5,\)$"),
        (
            lambda t: t | {"conv2.weight": t["conv3.weight"]},
            r"1 of another shape.*grouped/kernel \(1, 1, 4, 4\) ← conv2.weight \(4, 1, 3, 3\)$",
        ),
        (
            lambda t: t | {"conv1.weight": t["conv1.weight"].transpose(0, 1, 3, 2)[..., :2]},
            r"stem/kernel \(3, 3, 3, 8\) ← conv1.weight \(8, 3, 3, 2\)$",
        ),
        (lambda t: _holding(t, "fc.weight", np.nan), "1 not finite.*predictions/kernel"),
        (lambda t: _holding(t, "bn1.running_var", np.inf), "1 not finite.*norm/moving_variance"),
        (lambda t: {"decoder.weight": np.ones(3)}, "9 missing, 1 unused.*1 more.*decoder.weight"),
        (lambda t: {}, "9 missing.*and 1 more$"),
    ],
)
def test_what_does_not_fit_is_listed_and_changes_nothing(rng, toy, spoil, message):
    model, tensors = toy.model(), toy.tensors(rng)
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"(?s)does not fit toy: .*{message}"):
        port(model, spoil(tensors), toy.key_of)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_tensor_is_taken_once(rng, toy):
    keys = toy.keys | {"norm/beta": "bn1.weight"}
    with pytest.raises(ValueError, match=r"(?s)1 unused, 1 taken more than once.*bn1.weight \(2"):
        port(toy.model(), toy.tensors(rng), keys.__getitem__)


def test_variables_left_out_keep_their_values(rng, toy):
    model, tensors = toy.model(classes=2), toy.tensors(rng)
    before = keras.ops.convert_to_numpy(model.get_layer("predictions").kernel)
    port(model, tensors, toy.key_of, without=("predictions/kernel", "predictions/bias"))
    np.testing.assert_array_equal(before, model.get_layer("predictions").kernel)


class DropBlockLike(keras.layers.Layer):
    def build(self, input_shape):
        self.rate = self.add_weight(shape=(), initializer="zeros", name="rate", trainable=False)

    def call(self, x):
        return x


def test_the_rate_of_a_drop_block_is_no_weight(toy):
    images = keras.Input((2,))
    x = DropBlockLike(name="drop_block")(images)
    model = keras.Model(images, keras.layers.Dense(1, use_bias=False, name="predictions")(x))
    port(model, {"fc.weight": np.array([[1.0, 2.0]])}, toy.key_of)
    np.testing.assert_array_equal(model.get_layer("predictions").kernel, [[1], [2]])


class Twins(keras.layers.Layer):
    def build(self, input_shape):
        self.one = self.add_weight(shape=(), name="scale")
        self.two = self.add_weight(shape=(), name="scale")

    def call(self, x):
        return x * self.one * self.two


def test_two_variables_of_one_path_are_refused():
    images = keras.Input((1,))
    model = keras.Model(images, Twins(name="twins")(images))
    with pytest.raises(ValueError, match="(?s)1 sharing a path.*twins/scale"):
        port(model, {"twins/scale": np.ones(())}, lambda path: path)


def test_a_grey_image_acts_like_its_rgb_copy(rng):
    weight, grey = rng.normal(size=(2, 3, 3, 3)), rng.normal(size=(5, 5, 1))
    adapted = adapt_channels(weight, 1)
    assert adapted.shape == (2, 1, 3, 3)
    np.testing.assert_allclose(
        torch_convolution(grey, adapted), torch_convolution(grey.repeat(3, axis=2), weight)
    )


@pytest.mark.parametrize(
    ("channels", "source"), [(2, [0, 1]), (4, [0, 1, 2, 0]), (6, [0, 1, 2] * 2)]
)
def test_other_channels_repeat_the_colours(rng, channels, source):
    weight = rng.normal(size=(2, 3, 3, 3))
    adapted = adapt_channels(weight, channels)
    np.testing.assert_allclose(adapted, weight[:, source] * 3 / channels, rtol=1e-6)
    keras_kernel = adapt_channels(weight.transpose(2, 3, 1, 0), channels, axis=2)
    np.testing.assert_array_equal(keras_kernel, adapted.transpose(2, 3, 1, 0))


def test_keys_that_share_no_prefix_stay_as_they_are():
    tensors = {key: np.zeros(1) for key in ("a.bias", "b.bias")}
    assert without_prefix(tensors, ["c.bias"]) == (tensors, "")
