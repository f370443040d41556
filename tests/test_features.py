"""Feature pyramids, freezing by stage, layer-wise learning rates."""

import keras
import numpy as np
import pytest

import keras_resnets


@pytest.fixture(scope="module")
def resnext():
    return keras_resnets.ResNeXt(
        depths=(2, 1, 1, 1),
        planes=16,
        cardinality=4,
        width=16,
        input_shape=(None, None, 3),
        classes=5,
    )


@pytest.fixture(scope="module")
def rexnet():
    return keras_resnets.ReXNet(multiplier=0.5, include_top=False)


@pytest.mark.parametrize("side", [64, 65])
def test_a_pyramid_has_each_stride_once(resnext, side, rng):
    images = rng.normal(size=(1, side, side, 3)).astype("float32")
    pyramid = keras_resnets.feature_extractor(resnext).predict(images, verbose=0)
    names = ["stage1_block2", "stage2_block1", "stage3_block1", "stage4_block1"]
    assert list(pyramid) == names
    sides = [-(-side // stride) for stride in (4, 8, 16, 32)]
    assert [p.shape[1:3] for p in pyramid.values()] == [(n, n) for n in sides]
    last = keras.Model(resnext.inputs, resnext.get_layer("stage4_block1").output)
    np.testing.assert_array_equal(pyramid["stage4_block1"], last.predict(images, verbose=0))


def test_rexnets_pyramid_starts_at_stride_2(rexnet):
    outputs = keras_resnets.feature_extractor(rexnet).output
    assert list(outputs) == [
        "stage1_block1",
        "stage2_block2",
        "stage3_block2",
        "stage5_block3",
        "stage6_block5",
    ]


def test_a_dilated_network_ends_at_its_output_stride():
    model = keras_resnets.ResNeXt(
        depths=(1, 1, 1, 1), planes=16, include_top=False, input_shape=(64, 64, 3), output_stride=8
    )
    outputs = keras_resnets.feature_extractor(model).output
    assert {name: tensor.shape[1] for name, tensor in outputs.items()} == {
        "stage1_block1": 16,
        "stage4_block1": 8,
    }


def test_named_layers_and_an_unknown_one(resnext):
    outputs = keras_resnets.feature_extractor(resnext, ["stem", "stage1_block1"]).output
    assert list(outputs) == ["stem", "stage1_block1"]
    with pytest.raises(ValueError, match="'stage1_block1'.*Received: 'stage9_block1'"):
        keras_resnets.feature_extractor(resnext, ["stage9_block1"])


def test_frozen_stages_stay_as_they_are(resnext, rng):
    keras_resnets.freeze_stages(resnext, 2)
    assert {v.path.split("/")[0] for v in resnext.trainable_variables} == {
        "stage2_block1",
        "stage3_block1",
        "stage4_block1",
        "predictions",
    }
    before = {v.path: np.array(v) for v in resnext.weights}
    resnext.compile("sgd", "sparse_categorical_crossentropy")
    resnext.fit(rng.normal(size=(4, 64, 64, 3)), np.arange(4), verbose=0)
    moved = {v.path.split("/")[0] for v in resnext.weights if np.any(before[v.path] != v)}
    # Not even the moving statistics of the frozen ones.
    assert moved == {"stage2_block1", "stage3_block1", "stage4_block1", "predictions"}
    keras_resnets.freeze_stages(resnext, 0)
    assert all(layer.trainable for layer in resnext.layers)


@pytest.mark.parametrize("count", [-1, 6])
def test_a_count_beyond_the_stages_is_refused(resnext, count):
    with pytest.raises(ValueError, match=f"from 0 to 5.*Received: count={count}"):
        keras_resnets.freeze_stages(resnext, count)


def test_learning_rates_shrink_towards_the_image(resnext):
    multipliers = keras_resnets.layerwise_multipliers(resnext, 0.5)
    assert set(multipliers) == {v.path for v in resnext.trainable_variables}
    assert multipliers["predictions/kernel"] == 1
    assert multipliers["stage4_block1/conv1/conv/kernel"] == 0.5
    assert multipliers["stem/conv1/conv/kernel"] == 0.5**5
    with pytest.raises(ValueError, match=r"in \(0, 1\]. Received: decay=0"):
        keras_resnets.layerwise_multipliers(resnext, 0)


def test_a_foreign_model_is_refused():
    with pytest.raises(ValueError, match="with layers 'stem' and 'stage1_block1'"):
        keras_resnets.feature_extractor(
            keras.Sequential([keras.layers.Dense(2, name="d")], name="x")
        )
