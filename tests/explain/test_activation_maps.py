"""Grad-CAM: against finite differences, on planted objects, with drawn weights, around any model."""

import digits
import keras
import networks
import numpy as np
import pytest
from networks import small

import keras_resnets
from keras_resnets.explain import class_activation_map, grad_cam


@pytest.fixture(scope="module")
def planted():
    """100 digits unseen in training, at random places of canvases: images, labels and places."""
    rng = np.random.default_rng(1)
    pixels, labels = digits.digits(rng)
    images, places = digits.canvases(rng, pixels[-100:])
    return images, labels[-100:], places


def trained(family, *, epochs, sides=digits.TRAINING_SIDES):
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    pixels, labels = digits.digits(rng)
    return digits.train(family, pixels[:3000], labels[:3000], epochs=epochs, rng=rng, sides=sides)


@pytest.fixture(scope="module")
def knows_digits():
    return trained("ResNeXt", epochs=3)


def covered(model, planted, layer):
    images, labels, places = planted
    maps = grad_cam(model, images, layer=layer, class_index=labels)
    return digits.within(digits.centres(maps), places).sum()


@pytest.mark.parametrize("layer", ["stage2_block1", "stage1"])
def test_the_map_of_a_planted_digit_covers_it(knows_digits, planted, layer):
    assert covered(knows_digits, planted, layer) >= 90
    # A map without a clue, whose centre is the canvas's.
    blind = np.ones((100, digits.SIDE, digits.SIDE))
    assert digits.within(digits.centres(blind), planted[2]).sum() < 70


# ResNeSt's pooled attention tells every position of the whole canvas: it needs more sizes before the
# background is no evidence, and of its last block's maps 88 in 100 cover the digit. ReXNet's last block
# has four positions on a canvas.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "layer", "epochs", "sides"),
    [
        ("ResNeSt", "stage1", 8, (32, 40, 48, 64, 80)),
        ("Res2Net", None, 4, digits.TRAINING_SIDES),
        ("ReXNet", "stage1", 5, digits.TRAINING_SIDES),
    ],
)
def test_so_does_each_family_s(planted, family, layer, epochs, sides):
    assert covered(trained(family, epochs=epochs, sides=sides), planted, layer) >= 90


def rank_correlations(maps, others):
    """Spearman's, one an image."""
    ranks, other_ranks = (
        m.reshape(len(m), -1).argsort(axis=1).argsort(axis=1) for m in (maps, others)
    )
    return np.array([np.corrcoef(*pair)[0, 1] for pair in zip(ranks, other_ranks, strict=True)])


def test_randomising_the_weights_destroys_the_map(knows_digits, planted, rng):
    """Adebayo et al. (2018): from the top down, and each layer's alone would do for the classifier's."""
    images, labels, _ = planted
    maps = grad_cam(knows_digits, images, class_index=labels)
    twin = keras.models.clone_model(knows_digits)
    twin.set_weights(
        [w * (1 + 1e-3 * rng.normal(size=w.shape)) for w in knows_digits.get_weights()]
    )
    alike = grad_cam(twin, images, class_index=labels)
    assert rank_correlations(maps, alike).mean() > 0.9
    for layer in reversed(twin.layers):
        if layer.weights:
            networks.randomise(layer, rng)
            drawn = grad_cam(twin, images, class_index=labels)
            assert abs(rank_correlations(maps, drawn).mean()) < 0.5, layer.name


@pytest.mark.parametrize(
    ("family", "layer", "activation"),
    [
        ("ResNeXt", "stage1_block1", "softmax"),
        ("ResNeSt", "stage1_block1", "sigmoid"),
        ("Res2Net", "stage2_block1", None),
        ("ReXNet", "stage6_block1", "softmax"),
    ],
)
def test_equals_finite_differences(family, layer, activation, rng, randomise):
    """Equations 1 and 2 of the paper, each channel moved as a whole, the logits in float64."""
    model = randomise(small(family, classes=3, classifier_activation=activation))
    image = rng.normal(size=(64, 64, 3)).astype("float32")
    (features,) = keras.Model(model.input, model.get_layer(layer).output)(image[None]).numpy()
    names = [each.name for each in model.layers]
    *behind, last = model.layers[names.index(layer) + 1 :]
    kernel, bias = last.get_weights()

    def logits(maps):
        for each in behind:
            maps = each(maps)
        return np.asarray(maps, "float64") @ kernel + bias

    step = 1e-2
    channels = np.eye(features.shape[-1], dtype="float32")[:, None, None]
    up, down = (features + sign * step * channels for sign in (1, -1))
    weights = (logits(up) - logits(down)) / (2 * step) / features[..., 0].size
    expected = np.maximum(features @ weights, 0)
    assert expected.shape[:2] == features.shape[:2]
    assert expected.max() > 0
    for class_index in range(3):
        np.testing.assert_allclose(
            class_activation_map(model, image, layer=layer, class_index=class_index),
            expected[..., class_index],
            atol=0.03 * expected.max(),
        )


def test_the_last_map_is_the_classifier_s_own(rng, randomise):
    """Behind global pooling Grad-CAM is CAM (Zhou et al., 2016), by arithmetic alone."""
    model = randomise(small("ResNeSt", classes=4))
    image = rng.normal(size=(64, 64, 3)).astype("float32")
    (features,) = keras_resnets.feature_extractor(model, ["stage2_block2"])(image[None]).values()
    kernel, _ = model.get_layer("predictions").get_weights()
    weighted = np.asarray(features[0]) @ kernel / features[0, ..., 0].numpy().size
    for class_index in range(4):
        np.testing.assert_allclose(
            class_activation_map(model, image, class_index=class_index),
            np.maximum(weighted[..., class_index], 0),
            atol=1e-5,
        )
    predicted = int(model(image[None]).numpy().argmax())
    np.testing.assert_array_equal(
        class_activation_map(model, image),
        class_activation_map(model, image, class_index=predicted),
    )


@pytest.mark.parametrize("family", ["ResNeXt", "Res2Net"])
def test_a_position_lies_over_the_pixels_that_it_sees(family, rng, randomise):
    """The centre of a position's receptive field, by the energy of its gradient: `i * strides`."""
    import tensorflow as tf

    side, centres = 97, []
    model = small(family, depths=(1, 1, 1), input_shape=(side, side, 3))
    last = keras.Model(model.input, model.get_layer("stage3_block1").output)
    for _ in range(4):
        randomise(model)
        images = tf.constant(rng.normal(size=(1, side, side, 3)), "float32")
        with tf.GradientTape() as tape:
            tape.watch(images)
            position = tf.tensordot(last(images)[0, 3, 3], rng.normal(size=256).astype("f4"), 1)
        energy = np.square(tape.gradient(position, images)).sum(-1)
        centres.append(digits.centres(energy)[0])
    seen = np.mean(centres, axis=0)
    np.testing.assert_allclose(seen, 3 * 16, atol=2)  # by half pixels it would be 55.5

    # The same position's peak in the enlarged map.
    heat = grad_cam(model, images[0], layer="stage3")
    small_map = class_activation_map(model, images[0], layer="stage3")
    rows, columns = np.mgrid[: small_map.shape[0], : small_map.shape[1]] * 16
    np.testing.assert_allclose(heat[rows, columns], small_map / small_map.max(), atol=1e-6)
    assert heat.max() == 1


def around(model):
    """The ways in which people put a backbone into a model, each of the same function as `model`."""
    image = keras.Input((64, 64, 3))
    head = model.get_layer("predictions")
    body = keras.Model(model.input, model.get_layer("avg_pool").output, name="body")
    logits = keras.layers.Dense(3, name="logits")
    yield "sequential", keras.Sequential([image, keras.layers.Rescaling(1.0), model])
    yield "nested", keras.Model(image, head(keras.layers.Dropout(0.5)(body(image))))
    pieces = keras.Sequential(
        [keras.Input((64, 64, 3)), body, keras.layers.Dropout(0.5), logits, keras.layers.Softmax()]
    )
    logits.set_weights(head.get_weights())
    yield "activation behind", pieces
    yield "twice nested", keras.Model(image, keras.Sequential([image, pieces])(image))
    yield "an operation behind", keras.Model(image, keras.ops.softmax(logits(body(image))))


def test_models_around_ours_give_the_same_map(rng, randomise):
    model = randomise(small("ResNeSt", classes=3))
    images = rng.normal(size=(2, 64, 64, 3)).astype("float32")
    expected = grad_cam(model, images)
    for name, other in around(model):
        np.testing.assert_allclose(grad_cam(other, images), expected, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(grad_cam(keras_resnets.deploy(model), images), expected, atol=1e-4)


def test_free_sides_other_channels_and_frozen_weights(rng, randomise):
    model = randomise(small("ReXNet", input_shape=(None, None, 1), classes=3))
    model.trainable = False
    seed = keras.random.SeedGenerator(0)
    before = np.array(seed.state)
    heat = grad_cam(model, rng.normal(size=(70, 101, 1)), layer="stage2")
    assert heat.shape == (70, 101)
    assert (before == np.array(seed.state)).all()
    assert grad_cam(model, rng.normal(size=(2, 33, 64, 1))).shape == (2, 33, 64)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("layer", ["stage1_block1", "stage2_block2"])
def test_mixed_precision_gives_the_map_of_float32(policy, layer, rng, randomise):
    model = randomise(small("ResNeSt", classes=3))
    keras.config.set_dtype_policy(policy)
    try:
        mixed = small("ResNeSt", classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    image = rng.normal(size=(64, 64, 3)).astype("float32")
    maps = [grad_cam(m, image, layer=layer, class_index=1) for m in (model, mixed)]
    assert maps[1].dtype == np.float32
    assert np.corrcoef(np.reshape(maps, (2, -1)))[0, 1] > 0.99


def test_one_output_is_two_classes(rng, randomise):
    model = randomise(small("ResNeXt", classes=1, classifier_activation="sigmoid"))
    image = rng.normal(size=(64, 64, 3)).astype("float32")
    (output,) = model(image[None]).numpy()[0]
    maps = [class_activation_map(model, image, class_index=i) for i in (0, 1)]
    assert not np.logical_and(*maps).any()  # what speaks for one speaks against the other
    assert all(m.any() for m in maps)
    np.testing.assert_array_equal(class_activation_map(model, image), maps[int(output > 0.5)])


def test_nothing_for_a_class_is_a_map_of_zeros(rng, randomise):
    model = randomise(small("ResNeXt", classes=2))
    kernel, bias = model.get_layer("predictions").get_weights()
    model.get_layer("predictions").set_weights([-np.abs(kernel), bias])
    heat = grad_cam(model, rng.normal(size=(64, 64, 3)))
    assert heat.shape == (64, 64)
    assert not heat.any()


IMAGE = np.zeros((64, 64, 3))


@pytest.mark.parametrize(
    ("image", "arguments", "message"),
    [
        (IMAGE, {"layer": "stage2_blok1"}, "'stage2_blok1'. Did you mean 'stage2_block1'"),
        (
            IMAGE,
            {"layer": "predictions"},
            "with a feature map, or a stage. Received: 'predictions'",
        ),
        (IMAGE, {"class_index": 3}, "from 0 to 2. Received: class_index=3"),
        (IMAGE, {"class_index": -1}, "from 0 to 2. Received: class_index=-1"),
        (IMAGE, {"class_index": 1.5}, "integer, or one for each image. Received: class_index=1.5"),
        (IMAGE, {"class_index": [0, 1]}, "integer, or one for each image"),
        (IMAGE[:32], {}, r"shape \(64, 64, 3\), or a batch of them. Received: shape=\(32, 64, 3\)"),
        (IMAGE[..., 0], {}, r"Received: shape=\(64, 64\)"),
        (IMAGE[None][:0], {}, r"Received: shape=\(0, 64, 64, 3\)"),
        (IMAGE + np.nan, {}, "finite pixels"),
    ],
)
def test_what_cannot_be_explained_is_refused(image, arguments, message):
    with pytest.raises(keras_resnets.errors.UserError, match=message):
        grad_cam(small("ResNeXt", classes=3), image, **arguments)


class Subclassed(keras.Model):
    def __init__(self, inner):
        super().__init__(name="own")
        self.inner = inner

    def call(self, images):
        return self.inner(images)


def refused_models():
    model, image = small("ResNeXt", classes=3), keras.Input((64, 64, 3))
    other = keras.Input((2,))
    yield keras.Sequential([image, keras.layers.Flatten()]), "Expected a model of keras_resnets"
    yield small("ResNeXt", include_top=False), r"Build it with include_top=True"
    yield (
        small("ResNeXt", include_top=False, pooling="avg"),
        "ends with Dense, .* ends with avg_pool",
    )
    yield (
        keras.Model([image, other], keras.layers.Concatenate()([model(image), other])),
        "one input. Received: .* with 2",
    )
    yield keras.Model(image, [model(image), model(image)]), "one output. Received: .* with 2"
    pair = [keras.Model(model.input, model.output), small("Res2Net", classes=3)]
    yield (
        keras.Model(image, keras.layers.Add()([each(image) for each in pair])),
        "one backbone of keras_resnets in the model",
    )
    larger = keras.Input((128, 128, 3))
    yield (
        keras.Model(larger, model(keras.layers.Resizing(64, 64)(larger))),
        r"keep the image's sides.*\(128, 128\) before them and \(64, 64\) behind",
    )


def test_models_that_cannot_be_explained_are_refused():
    for model, message in refused_models():
        with pytest.raises(keras_resnets.errors.UserError, match=message):
            grad_cam(model, np.zeros(model.inputs[0].shape[1:]))
    model = small("ResNeXt", classes=3)
    with pytest.raises(keras_resnets.errors.UserError, match="own, a Subclassed"):
        grad_cam(Subclassed(model), IMAGE)
    with pytest.raises(keras_resnets.errors.UserError, match="Call it once, or begin it with"):
        grad_cam(keras.Sequential([keras.layers.Rescaling(1.0), model]), IMAGE)
