"""Which paths answered: attention against the formulas, contributions against finite differences."""

import formulas
import keras
import numpy as np
import pytest
from networks import small

import keras_resnets
from keras_resnets.explain import path_contributions, split_attention_weights
from keras_resnets.explain.paths import path_kind


@pytest.fixture
def image(rng):
    return rng.normal(size=(64, 64, 3)).astype("float32")


def block_input(model, name, image):
    return keras.Model(model.input, model.get_layer(name).input)(image[None])


@pytest.mark.parametrize(("radix", "cardinality"), [(2, 1), (2, 2), (4, 1), (1, 2)])
def test_attention_is_the_formula_s(radix, cardinality, rng, randomise, image):
    model = randomise(small("ResNeSt", radix=radix, cardinality=cardinality, classes=3))
    found = split_attention_weights(model, image)
    assert list(found) == ["stage1_block1", "stage2_block1", "stage2_block2"]
    for name, weights in found.items():
        block = model.get_layer(name)
        inputs = np.asarray(block_input(model, name, image))
        branch = formulas.conv_norm(block.conv1, inputs, formulas.relu)
        _, expected = formulas.splits(block.spatial, branch)
        np.testing.assert_allclose(weights, expected[0, 0, 0], atol=1e-5)
        if radix > 1:
            np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
    deployed = split_attention_weights(keras_resnets.deploy(model), image)
    for name, weights in found.items():
        np.testing.assert_allclose(deployed[name], weights, atol=1e-5)


@pytest.mark.parametrize(("family", "paths"), [("ResNeXt", 8), ("Res2Net", 4)])
def test_contributions_are_derivatives_by_a_gate(family, paths, rng, randomise, image):
    model = randomise(small(family, classes=3))
    found = path_contributions(model, image, class_index=1)
    assert list(found) == ["stage1_block1", "stage2_block1", "stage2_block2"]
    name, step = "stage2_block1", 1e-2
    block = model.get_layer(name)
    inputs = block_input(model, name, image)
    names = [layer.name for layer in model.layers]
    kernel, bias = model.get_layer("predictions").get_weights()

    def logit(gates):
        """With the output of the spatial layer multiplied by a gate a path."""
        answers = block.spatial(block.conv1(inputs))
        answers = answers * np.repeat(gates, answers.shape[-1] // paths).astype("float32")
        maps = keras.ops.relu(block.shortcut(inputs) + block.conv3(answers))
        for layer in model.layers[names.index(name) + 1 : -1]:
            maps = layer(maps)
        return (np.asarray(maps, "float64") @ kernel + bias)[0, 1]

    rows = step * np.eye(paths)
    expected = [(logit(1 + row) - logit(1 - row)) / (2 * step) for row in rows]
    np.testing.assert_allclose(found[name], expected, atol=0.02 * np.abs(expected).max())
    deployed = path_contributions(keras_resnets.deploy(model), image, class_index=1)
    np.testing.assert_allclose(deployed[name], found[name], atol=1e-3)


def test_of_the_last_block_they_are_exact_where_nothing_is_cut_off(randomise, image):
    """With every position positive the logit is linear in the last block's paths and its shortcut."""
    model = randomise(small("ResNeXt", classes=3))
    block = model.get_layer("stage2_block2")
    block.conv3.norm.beta.assign(np.full(block.filters, 100.0))
    contributions = path_contributions(model, image, class_index=0)["stage2_block2"]
    kernel = block.conv3.conv.kernel
    before = logit = float(linear(model)(image[None])[0, 0])
    width = kernel.shape[2] // 8
    for path, contribution in enumerate(contributions):
        closed = np.array(kernel)
        closed[:, :, path * width : (path + 1) * width] = 0
        kernel.assign(closed)
        without = float(linear(model)(image[None])[0, 0])
        assert before - without == pytest.approx(contribution, abs=2e-3)
        before = without
    assert logit != before


def linear(model):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.get_layer("predictions").activation = keras.activations.linear
    return twin


def test_families_have_their_own_paths(image):
    kinds = {
        family: path_kind(small(family, classes=3))
        for family in ("ResNeXt", "ResNeSt", "Res2Net", "ReXNet")
    }
    assert kinds == {"ResNeXt": "group", "ResNeSt": "split", "Res2Net": "scale", "ReXNet": None}
    assert path_kind(small("ResNeXt", cardinality=1)) is None
    for family in ("ReXNet", "ResNeSt"):
        assert path_contributions(small(family, classes=3), image) == {}
    assert split_attention_weights(small("ResNeXt", classes=3), image) == {}


def test_frozen_mixed_and_nested_models_are_explained_alike(randomise, image):
    model = randomise(small("Res2Net", classes=3))
    expected = path_contributions(model, image)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = small("Res2Net", classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    nested = keras.Sequential([keras.Input((64, 64, 3)), model])
    nested.trainable = False
    for other, tolerance in ((nested, 1e-6), (mixed, 0.05)):
        found = path_contributions(other, image)
        for name, values in expected.items():
            limit = tolerance * np.abs(values).max()
            np.testing.assert_allclose(found[name], values, atol=limit, err_msg=name)
