"""Update rules against PyTorch's or their papers' arithmetic, worked in NumPy."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.config import Adaptive, Constant, Cosine, Cyclical, Lookahead, Optimizer, Sgd, Steps
from training.objective import OneClass
from training.optim.adam import Adam
from training.optim.arrays import arrays_of
from training.optim.loss_scale import LossScale
from training.optim.radam import RAdam
from training.optim.schedule import LearningRate
from training.optim.swa import EqualAverage
from training.optim.update import Update, make_optimizer
from training.step import Learner

ROOT = Path(__file__).parents[3]
RATE = 0.1


class _Linear:
    """A network of one weight matrix, trained by `Learner` on a batch of its own."""

    def __init__(self, settings: Optimizer, ema_decay=None, loss_scale=None):
        rng = np.random.default_rng(0)
        inputs = keras.Input((3,))
        self.network = keras.Model(inputs, keras.layers.Dense(2, name="head")(inputs))
        self.kernel, self.bias = self.network.trainable_variables
        self.kernel.assign(rng.normal(size=(3, 2)))
        self.batch = (
            tf.constant(rng.normal(size=(4, 3)), tf.float32),
            tf.one_hot([0, 1, 1, 0], 2),
        )
        rate = LearningRate(settings.learning_rate, Constant(), 1, 100)
        variables = self.network.trainable_variables
        update = Update(settings, rate, variables, ema_decay=ema_decay)
        self.learner = Learner(
            self.network,
            update,
            objective=OneClass(),
            loss_scale=loss_scale,
            accumulation=settings.accumulation,
        )

    def gradients(self):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.categorical_crossentropy(
                    self.batch[1], self.network(self.batch[0]), from_logits=True
                )
            )
        return [g.numpy() for g in tape.gradient(loss, self.network.trainable_variables)]

    def step(self):
        self.learner.step(self.batch)


def test_coupled_decay_is_pytorchs_sgd():
    """buffer = momentum * buffer + gradient + decay * weight; weight -= rate * buffer."""
    settings = Sgd(learning_rate=RATE, momentum=0.9, weight_decay=0.05, coupled=True)
    net = _Linear(settings)
    weight, buffer = net.kernel.numpy(), 0.0
    for _ in range(3):
        buffer = 0.9 * buffer + net.gradients()[0] + 0.05 * weight
        weight = weight - RATE * buffer
        net.step()
        np.testing.assert_allclose(net.kernel.numpy(), weight, atol=1e-6)


def test_decoupled_decay_shrinks_beside_the_step_and_spares_biases():
    settings = Sgd(learning_rate=RATE, momentum=0.0, weight_decay=0.05)
    net = _Linear(settings)
    net.bias.assign([1.0, -1.0])
    kernel_gradient, bias_gradient = net.gradients()
    kernel, bias = net.kernel.numpy(), net.bias.numpy()
    net.step()
    expected = kernel * (1 - RATE * 0.05) - RATE * kernel_gradient
    np.testing.assert_allclose(net.kernel.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(net.bias.numpy(), bias - RATE * bias_gradient, atol=1e-6)


def test_clipping_is_by_the_global_norm():
    net = _Linear(Sgd(learning_rate=RATE, momentum=0.0, clip=0.01))
    gradients, before = net.gradients(), net.kernel.numpy()
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    net.step()
    np.testing.assert_allclose(
        net.kernel.numpy(), before - RATE * gradients[0] * 0.01 / norm, atol=1e-7
    )


def test_accumulated_parts_are_the_whole():
    whole, parts = (_Linear(Sgd(learning_rate=RATE, accumulation=n)) for n in (1, 2))
    for _ in range(3):
        whole.step()
        parts.step()
    np.testing.assert_allclose(parts.kernel.numpy(), whole.kernel.numpy(), atol=1e-6)


def test_radam_is_algorithm_2():
    settings = Adaptive(name="radam", learning_rate=RATE)
    net = _Linear(settings)
    weight, first, second = net.kernel.numpy().astype("float64"), 0.0, 0.0
    longest = 2 / (1 - 0.999) - 1
    for step in range(1, 9):
        gradient = net.gradients()[0]
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        mean = first / (1 - 0.9**step)
        length = longest - 2 * step * 0.999**step / (1 - 0.999**step)
        if length > 5:
            rectifier = np.sqrt(
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            )
            mean = rectifier * mean / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        weight = weight - RATE * mean
        net.step()
        np.testing.assert_allclose(net.kernel.numpy(), weight, rtol=1e-3, atol=1e-5)
    assert length > 5  # both branches were taken


ADAM = """
import sys
import keras
import numpy as np
import tensorflow as tf
from training.config import Adaptive, Constant
from training.optim.adam import Adam
from training.optim.schedule import LearningRate
from training.optim.update import Update

(cpu,) = tf.config.list_physical_devices("CPU")
devices = int(sys.argv[1])
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
rng = np.random.default_rng(0)
shapes = [(3, 4), (4,), ()]
starts = [rng.normal(size=shape).astype("float32") for shape in shapes]
gradients = [[rng.normal(size=shape).astype("float32") for shape in shapes] for _ in range(5)]
settings = Adaptive(name="adam", learning_rate=0.1, momentum=0.8, beta_2=0.95, weight_decay=0.1)


def updated(rule):
    with strategy.scope():
        variables = [keras.Variable(start) for start in starts]
        rate = LearningRate(0.1, Constant(), 1, 100)
        update = Update(settings, rate, variables, rates={variables[1].path: 0.5})
        update.optimizer = rule(rate, beta_1=0.8, beta_2=0.95)
        update.optimizer.build(variables)

    @tf.function
    def step(values):
        strategy.run(update.apply, args=(values,))

    for values in gradients:
        step([tf.constant(value) for value in values])
    everywhere = [strategy.experimental_local_results(v.value) for v in variables]
    for copies in everywhere:
        np.testing.assert_array_equal(copies[0], copies[-1])
    state = [strategy.experimental_local_results(v.value)[-1] for v in update.optimizer.variables]
    return [copies[-1] for copies in everywhere] + state


for ours, keras_own in zip(updated(Adam), updated(keras.optimizers.Adam), strict=True):
    np.testing.assert_allclose(ours, keras_own, rtol=1e-5, atol=1e-7)
"""


@pytest.mark.parametrize("devices", [1, 2])
def test_adam_is_keras_own(devices):
    """Weights and state, on each device, with a layer's own rate and decoupled decay."""
    subprocess.run([sys.executable, "-c", ADAM, str(devices)], check=True, cwd=ROOT)


def test_the_rule_of_the_settings():
    rate = LearningRate(RATE, Constant(), 1, 100)
    rules = {name: make_optimizer(Adaptive(name=name), rate) for name in ("adam", "radam", "lamb")}
    assert {name: type(rule) for name, rule in rules.items()} == {
        "adam": Adam,
        "radam": RAdam,
        "lamb": keras.optimizers.Lamb,
    }


def test_the_schedule_is_asked_once_a_step():
    """And not once a variable: of 200 it would be as many cosines in the graph."""
    asked = []

    class Counted(LearningRate):
        def __call__(self, step):
            asked.append(step)
            return super().__call__(step)

    variables = [keras.Variable(float(number)) for number in range(5)]
    update = Update(Adaptive(name="adam"), Counted(RATE, Constant(), 1, 100), variables)
    asked.clear()
    update.apply([tf.constant(1.0)] * 5)
    assert len(asked) == 1


def test_lookahead_is_algorithm_1():
    ahead = Lookahead(steps=2, share=0.5)
    net = _Linear(Sgd(learning_rate=RATE, momentum=0.0, lookahead=ahead))
    slow = fast = net.kernel.numpy()
    for step in range(1, 5):
        fast = fast - RATE * net.gradients()[0]
        if step % 2 == 0:
            slow = fast = slow + 0.5 * (fast - slow)
        net.step()
        np.testing.assert_allclose(net.kernel.numpy(), fast, atol=1e-6)


def test_ema_follows_its_warm_up():
    net = _Linear(Sgd(learning_rate=RATE), ema_decay=0.5)
    average = net.kernel.numpy()
    for step in range(12):
        net.step()
        decay = min(0.5, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * net.kernel.numpy()
    np.testing.assert_allclose(net.learner.update.ema.averages[0].numpy(), average, atol=1e-6)
    last = net.kernel.numpy()
    with net.learner.averaged():
        np.testing.assert_allclose(net.kernel.numpy(), average, atol=1e-6)
    np.testing.assert_array_equal(net.kernel.numpy(), last)


def test_loss_scale_changes_nothing_but_overflow():
    plain, scaled = (
        _Linear(Sgd(learning_rate=RATE)),
        _Linear(Sgd(learning_rate=RATE), loss_scale=LossScale()),
    )
    plain.step()
    scaled.step()
    np.testing.assert_allclose(scaled.kernel.numpy(), plain.kernel.numpy(), atol=1e-6)
    scaled.learner.loss_scale.scale.assign(3e38)
    scaled.batch = (1000 * scaled.batch[0], scaled.batch[1])  # its gradient times 3e38 is infinite
    scaled.step()
    assert np.isfinite(scaled.kernel.numpy()).all()
    assert float(scaled.learner.loss_scale.scale.numpy()) == pytest.approx(1.5e38)


def test_equal_average_is_the_mean(rng):
    average = EqualAverage()
    draws = rng.normal(size=(5, 3))
    for draw in draws:
        average.add([draw])
    np.testing.assert_allclose(average.average[0], draws.mean(axis=0))
    restored = EqualAverage()
    variables = average.state()
    restored.restore(variables)
    assert restored.count == 5
    assert variables == {}
    np.testing.assert_array_equal(restored.average[0], average.average[0])


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        # At epochs 0, 1, 2, 3, 4 of 5 with 10 steps each, peak 1.
        (Constant(), [1, 1, 1, 1, 1]),
        (Steps(milestones=(1, 3)), [1, 0.1, 0.1, 0.01, 0.01]),
        (Cosine(), [1, 0.9045, 0.6545, 0.3455, 0.0955]),
        (Cosine(warmup=1), [0.1, 1, 0.8536, 0.5, 0.1464]),
        (Cyclical(cycle=4, final=0.2), [0.2, 0.6, 1, 0.6, 0.2]),
    ],
)
def test_schedules_at_whole_epochs(schedule, expected):
    rate = LearningRate(1.0, schedule, epochs=5, steps_per_epoch=10)
    found = [float(rate(10 * epoch)) for epoch in range(5)]
    assert found == pytest.approx(expected, abs=1e-4)


def test_warm_up_reaches_the_peak_at_its_last_step():
    rate = LearningRate(2.0, Constant(warmup=1), epochs=5, steps_per_epoch=4)
    assert [float(rate(step)) for step in range(5)] == pytest.approx([0.5, 1, 1.5, 2, 2])


@pytest.mark.parametrize("ahead", [None, Lookahead(steps=2, share=0.5)])
def test_single_numbers_have_averages_too(ahead):
    """As the ranges of a network that learns for int8 are."""
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        number, row = keras.Variable(2.0), keras.Variable([1.0, 3.0])
        rate = LearningRate(RATE, Constant(), 1, 100)
        update = Update(
            Sgd(learning_rate=RATE, lookahead=ahead), rate, [number, row], ema_decay=0.9
        )
        number.assign(4.0)
        update.begin_averages()
        number.assign(5.0)
        with update.averaged():
            assert [array.tolist() for array in arrays_of([number, row])] == [4, [1, 3]]
        assert [array.tolist() for array in arrays_of([number, row])] == [5, [1, 3]]
