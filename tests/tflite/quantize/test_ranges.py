"""Which images calibrate, and what range they give each activation."""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnets.card import Card
from keras_resnets.data import open_data
from keras_resnets.preprocessing import Preprocessing
from tflite.convert.export import Exporter, Options
from tflite.file.runtime import Runner
from tflite.formats import INT8
from tflite.quantize.observing import Observations, observe
from tflite.quantize.quantizer import quantize
from tflite.quantize.ranges import METHODS, Range, calibration_images, choose_ranges
from tflite.trained import TrainedModel


@pytest.fixture(scope="module")
def seen() -> Observations:
    """10 images of a normal activation, one with an outlier."""
    values = np.random.default_rng(0).normal(size=(10, 100_000))
    values[3, 7] = 12
    channels = values.reshape(-1, 10)
    return Observations(
        values.min(1), values.max(1), values.ravel(), channels.mean(0), abs(channels).max(0)
    )


def test_min_max_takes_the_outlier(seen: Observations) -> None:
    assert METHODS["min-max"](seen) == Range(seen.values.min(), 12)


def test_average_takes_a_tenth_of_it(seen: Observations) -> None:
    assert METHODS["average"](seen).high == pytest.approx(np.mean(seen.highs))


def test_percentile_leaves_it_out(seen: Observations) -> None:
    low, high = METHODS["percentile"](seen)
    assert -4 < low < -3.5
    assert 3.5 < high < 4


def test_a_range_is_chosen_once(seen: Observations, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search asks for the same one again and again; what was seen anew is another matter."""
    asked = []

    def counting(observed: Observations) -> Range:
        asked.append(observed)
        return Range(-1.0, float(len(asked)))

    monkeypatch.setitem(METHODS, "average", counting)
    anew = dataclasses.replace(seen)
    first = choose_ranges({"x": seen, "y": anew}, "average")
    assert choose_ranges({"y": anew, "x": seen}, "average") == first
    assert asked == [seen, anew]
    assert choose_ranges({"x": seen}, "min-max") != choose_ranges({"x": seen}, "average")


def test_least_error_errs_less_than_min_max(seen: Observations) -> None:
    def error(limits: Range) -> float:
        scale = (limits.high - limits.low) / 255
        steps = np.rint((seen.values - limits.low) / scale).clip(0, 255)
        return float(np.mean((steps * scale + limits.low - seen.values) ** 2))

    chosen = METHODS["least-error"](seen)
    assert chosen.high < 8
    assert error(chosen) < 0.6 * error(METHODS["min-max"](seen))


@pytest.mark.parametrize("values", [(0, 0), (1, 1), (1, 1 + 2e-7), (-3e-39, 2e-39), (-1e30, 1e30)])
@pytest.mark.parametrize("method", METHODS)
def test_whatever_is_seen_has_a_range(method: str, values: tuple[float, float]) -> None:
    images = np.array([values] * 10, "float32")
    seen = Observations(
        images.min(1), images.max(1), images.ravel(), images.mean(0), abs(images).max(0)
    )
    low, high = choose_ranges({"x": seen}, method)["x"]
    assert low <= 0 <= high
    assert high > low
    assert low >= min(images.min(), 0) - 1e-6
    assert high <= max(images.max(), 1)


def test_ranges_of_a_model(exporter: Exporter) -> None:
    images = list(np.random.default_rng(0).integers(256, size=(4, 1, 16, 16, 3), dtype="uint8"))
    ranges = choose_ranges(observe(exporter.float_model, images), "min-max")
    (first, entry), (second, pixels), *_ = ranges.items()
    assert "images" in first
    assert second.startswith("normalize/")
    assert entry == pixels == (np.min(images), np.max(images))
    relus = [limits for name, limits in ranges.items() if "Relu" in name]
    assert len(relus) >= 5
    assert all(limits.low == 0 for limits in relus)


def test_images_are_stratified_and_normalised(photos: Path) -> None:
    data = open_data(folder=str(photos))
    images = calibration_images(data, Preprocessing(size=16, crop_fraction=0.9), 30)
    assert len(images) == 30
    assert {image.shape for image in images} == {(1, 16, 16, 3)}
    # The channel that is brightest is the photo's colour.
    brightest = np.bincount([image.mean((0, 1, 2)).argmax() for image in images], minlength=3)
    np.testing.assert_array_equal(brightest, [10, 10, 10])


def test_classes_without_images_take_none_of_the_share(photos: Path) -> None:
    data = open_data(folder=str(photos))
    wide = data.with_classes([*(f"other {number}" for number in range(997)), *data.class_names])
    assert len(calibration_images(wide, Preprocessing(size=16), 30)) == 30


@pytest.mark.parametrize("unroll", [False, True])
def test_a_loop_is_refused_by_name(unroll: bool) -> None:
    images = keras.Input((4, 4, 3))
    rows = keras.layers.Reshape((4, 12))(images * keras.ops.max(images))  # by one number alone
    features = keras.layers.SimpleRNN(2, unroll=unroll, name="memory")(rows)
    model = keras.Model(images, keras.layers.Dense(2)(features))
    trained = TrainedModel(model, Card("Any", ("a", "b"), Preprocessing(size=4)), Path())
    content = Exporter(trained, None, Options()).float_model
    pixels = list(np.random.default_rng(0).integers(256, size=(10, 1, 4, 4, 3), dtype="uint8"))
    if unroll:
        ranges = choose_ranges(observe(content, pixels), "min-max")
        exact, found = Runner(content), Runner(quantize(content, INT8, ranges))
        stacked = np.concatenate(pixels)
        np.testing.assert_allclose(found(stacked), exact(stacked), atol=0.1)
    else:
        with pytest.raises(ValueError, match=r"without loops .* Received: WHILE in memory\. "):
            observe(content, pixels)


def test_pixels_on_demand(photos: Path) -> None:
    data = open_data(folder=str(photos))
    images = calibration_images(data, Preprocessing(size=16), 12, pixels=True)
    assert {image.dtype for image in images} == {np.dtype("uint8")}


def test_two_classes_are_enough(photos: Path, tmp_path: Path) -> None:
    for name in ("blue", "red"):
        shutil.copytree(photos / name, tmp_path / name)
    data = open_data(folder=str(tmp_path))
    assert len(calibration_images(data, Preprocessing(size=16), 12)) == 12


def test_too_few_images(photos: Path) -> None:
    data = open_data(folder=str(photos))
    with pytest.raises(ValueError, match="at least 10 images .* Received: 9"):
        calibration_images(data, Preprocessing(size=16), 9)


def test_one_class_only(photos: Path) -> None:
    data = open_data(folder=str(photos))

    def only_blue(split: str, *, shuffle_files: bool):
        blue = data.source(split, shuffle_files=shuffle_files)
        return blue.filter(lambda _, label: label == 0)

    one = dataclasses.replace(data, source=only_blue)
    with pytest.raises(ValueError, match="of two classes .* Received: 10 images of 1 classes"):
        calibration_images(one, Preprocessing(size=16), 30)


def test_every_label_and_none_calibrates(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["file,labels"]
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8")).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{('a', 'a;b', '', 'a')[number % 4]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = open_data(folder=str(tmp_path), labels=str(tmp_path / "labels.csv"))
    images = calibration_images(data, Preprocessing(size=8, crop_fraction=1.0), 20, pixels=True)
    labels = {
        photo.tobytes(): label.tolist()
        for photo, label in data.examples("train").as_numpy_iterator()
    }
    found = [labels[image.tobytes()] for image in images]
    assert len(found) == 20
    # Photos of "a" alone end at ten of them; those of "b", which have both, and of none go on.
    assert found.count([1, 0]) <= 10
    assert np.sum(found, axis=0)[1] >= 5
    assert found.count([0, 0]) >= 3
