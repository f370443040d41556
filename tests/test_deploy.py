"""`deploy` of models as people build them: nested, sequential, with layers of the same name."""

import keras
import networks
import numpy as np
import pytest
from keras import layers

import keras_resnets
from keras_resnets.errors import UserError


def base(randomise):
    return randomise(networks.small("ResNeXt", include_top=False, input_shape=(32, 32, 3)))


def head():
    return [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(3, activation="softmax"),
    ]


def nested(model):
    images = keras.Input((32, 32, 3))
    features = model(layers.RandomFlip("horizontal")(images))
    for layer in head():
        features = layer(features)
    return keras.Model(images, features)


def check(model, rng):
    images = rng.normal(size=(2, 32, 32, 3)).astype("float32")
    before = model.predict(images, verbose=0)
    deployed = keras_resnets.deploy(model)
    tolerance = 1e-5 * np.abs(before).max()
    np.testing.assert_allclose(deployed.predict(images, verbose=0), before, atol=tolerance)
    np.testing.assert_array_equal(model.predict(images, verbose=0), before)
    assert not any(isinstance(layer, keras.Model) for layer in deployed.layers)
    assert any("norm" in variable.path for variable in model.weights)
    assert not any("norm" in variable.path for variable in deployed.weights)
    return deployed


def test_sequential(randomise, rng):
    deployed = check(keras.Sequential([base(randomise), *head()]), rng)
    assert "stage1_block1" in {layer.name for layer in deployed.layers}


def test_nested_and_saved(randomise, rng, tmp_path):
    deployed = check(nested(base(randomise)), rng)
    deployed.save(tmp_path / "deployed.keras")
    loaded = keras.models.load_model(tmp_path / "deployed.keras")
    images = rng.normal(size=(1, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), deployed.predict(images, verbose=0)
    )


def test_nested_twice(randomise, rng):
    check(keras.Sequential([keras.Sequential([nested(base(randomise))])]), rng)


def test_two_models_with_layers_of_the_same_names(randomise, rng):
    images = keras.Input((32, 32, 3))
    first, second = base(randomise), base(randomise)
    first.name, second.name = "first", "second"
    features = layers.Concatenate()([first(images), second(images)])
    features = layers.GlobalAveragePooling2D()(features)
    deployed = check(keras.Model(images, layers.Dense(3)(features)), rng)
    assert {"stem", "second_stem"} <= {layer.name for layer in deployed.layers}


def test_one_model_called_twice(randomise, rng):
    images = keras.Input((32, 32, 3))
    shared = base(randomise)
    features = layers.Add()([shared(images), shared(layers.Rescaling(0.5)(images))])
    check(keras.Model(images, layers.Dense(3)(layers.Flatten()(features))), rng)


def test_what_has_no_graph_is_refused(randomise):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.net = base(randomise)

        def call(self, images):
            return self.net(images)

    with pytest.raises(UserError, match="functional or a built Sequential model. Received: own"):
        keras_resnets.deploy(Own())
    with pytest.raises(UserError, match="Received: .*Sequential"):
        keras_resnets.deploy(keras.Sequential([layers.Dense(2)]))
