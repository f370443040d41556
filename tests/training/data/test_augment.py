"""Operations against Pillow, and random ones against their own definitions."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance as Enhance, ImageOps

from keras_resnets.preprocessing import Preprocessing
from training.config import Augmentation, AutoAugment, Crop, Erasing, RandAugment, Shift
from training.data import color
from training.data.crops import random_crop
from training.data.draws import Draws
from training.data.erasing import random_erasing
from training.data.geometry import affine, random_flip, random_shift
from training.data.mixing import cutmix, mixup, random_mixing
from training.data.policies import IMAGENET_POLICY, OPERATIONS, random_policy


@pytest.fixture
def pixels(rng):
    """Smooth, dark and not full range, so that every operation has something to do."""
    coarse = rng.integers(20, 180, (6, 6, 3), dtype="uint8")
    return np.asarray(Image.fromarray(coarse).resize((40, 32), Image.Resampling.BICUBIC))


# fmt: off
PILLOW = {
    "brightness": (lambda x: color.brightness(x, 1.4), lambda i: Enhance.Brightness(i).enhance(1.4)),
    "contrast": (lambda x: color.contrast(x, 0.3), lambda i: Enhance.Contrast(i).enhance(0.3)),
    "saturation": (lambda x: color.saturation(x, 1.7), lambda i: Enhance.Color(i).enhance(1.7)),
    "sharpness": (lambda x: color.sharpness(x, 1.9), lambda i: Enhance.Sharpness(i).enhance(1.9)),
    "posterize": (lambda x: color.posterize(x, 4.0), lambda i: ImageOps.posterize(i, 4)),
    "solarize": (lambda x: color.solarize(x, 100.0), lambda i: ImageOps.solarize(i, 100)),
    "invert": (color.invert, ImageOps.invert),
    "auto_contrast": (color.auto_contrast, ImageOps.autocontrast),
    "equalize": (color.equalize, ImageOps.equalize),
}
# fmt: on


@pytest.mark.parametrize("name", PILLOW)
def test_an_operation_is_pillows(name, pixels):
    ours, pillows = PILLOW[name]
    expected = np.asarray(pillows(Image.fromarray(pixels)), "float32")
    found = ours(tf.constant(pixels, tf.float32)).numpy()
    assert np.abs(expected - pixels).max() > 5  # it does something here
    np.testing.assert_allclose(found, expected, atol=1)
    np.testing.assert_array_equal(found, np.round(found))


def test_affine_reads_where_the_matrix_points(pixels):
    image = tf.constant(pixels, tf.float32)
    identity = [[1.0, 0.0], [0.0, 1.0]]
    moved = affine(image, identity, offset=(3.0, -2.0), fill=7.0).numpy()
    np.testing.assert_allclose(moved[2:, :-3], pixels[:-2, 3:], atol=1e-3)
    assert (moved[:2] == 7).all()
    assert (moved[:, -3:] == 7).all()
    upside_down = affine(image, [[-1.0, 0.0], [0.0, -1.0]], fill=7.0).numpy()
    np.testing.assert_allclose(upside_down, pixels[::-1, ::-1], atol=1e-3)


def test_what_is_moved_alone_is_not_blurred(pixels):
    """A place of the padded image, whole pixels away in either direction."""
    image = tf.constant(pixels, tf.float32)
    padded = np.pad(pixels, ((3, 3), (4, 4), (0, 0)))  # a tenth of each side
    found = set()
    for number in range(40):
        moved = random_shift(image, Shift(translation=0.1), Draws(0, number)).numpy()
        places = [
            (down - 3, right - 4)
            for down in range(7)
            for right in range(9)
            if np.array_equal(moved, padded[down : down + 32, right : right + 40])
        ]
        assert len(places) == 1
        found.update(places)
    downs, rights = zip(*found, strict=True)
    assert (min(downs), max(downs)) == (-3, 3)
    assert min(rights) < -2
    assert max(rights) > 2


def test_draws_follow_from_seed_and_number():
    one, same, other = (Draws(0, tf.constant(n)) for n in (5, 5, 6))
    values = [draws.uniform().numpy() for draws in (one, same, other, one)]
    assert values[0] == values[1]
    assert len(set(values)) == 3
    assert Draws(0, 5, of_batch=True).uniform() != values[0] != Draws(1, 5).uniform()


def test_draws_are_uniform():
    values = np.array([Draws(0, n).uniform().numpy() for n in range(500)])
    assert abs(values.mean() - 0.5) < 0.05
    assert abs(values.std() - 12**-0.5) < 0.02


@pytest.mark.parametrize("suffix", ["JPEG", "PNG"])
def test_a_crop_has_its_size_and_keeps_to_the_image(pixels, suffix, tmp_path):
    path = tmp_path / "image"
    Image.fromarray(np.full((40, 60, 3), 90, "uint8")).save(path, suffix)
    crops = [random_crop(tf.constant(path.read_bytes()), 24, Crop(), Draws(0, n)) for n in range(5)]
    for crop in crops:
        assert crop.shape == (24, 24, 3)
        np.testing.assert_allclose(crop, 90, atol=2)


def test_half_of_the_images_are_flipped(pixels):
    image = tf.constant(pixels, tf.float32)
    flipped = [np.array_equal(random_flip(image, Draws(0, n)), pixels[:, ::-1]) for n in range(200)]
    assert 70 < sum(flipped) < 130


@pytest.mark.parametrize("policy", [AutoAugment(), RandAugment(operations=3, magnitude=10)])
def test_policies_give_whole_pixels_of_the_same_shape(policy, pixels):
    image = tf.constant(pixels, tf.float32)
    step = tf.function(lambda number: random_policy(image, policy, Draws(0, number)))
    results = [step(tf.constant(n, tf.int64)).numpy() for n in range(30)]
    for result in results:
        assert result.shape == pixels.shape
        assert result.min() >= 0
        assert result.max() <= 255
    assert len({result.tobytes() for result in results}) > 10


def test_the_imagenet_policy_has_25_pairs_of_known_operations():
    assert len(IMAGENET_POLICY) == 25
    assert {name for pair in IMAGENET_POLICY for name, _, _ in pair} <= set(OPERATIONS)


def test_erasing_covers_its_area():
    image = tf.fill((100, 100, 3), 1000.0)
    erasing = Erasing(probability=1.0, area=(0.1, 0.2), aspect_ratio=(0.5, 2.0))
    for number in range(20):
        erased = random_erasing(image, erasing, Preprocessing(), Draws(0, number)).numpy()
        assert 0.09 < (erased[..., 0] < 900).mean() < 0.21
    never = Erasing(probability=0.0)
    np.testing.assert_array_equal(random_erasing(image, never, Preprocessing(), Draws(0, 0)), image)


@pytest.fixture
def batch(rng):
    images = tf.constant(rng.normal(size=(4, 8, 8, 3)), tf.float32)
    return images, tf.one_hot([0, 1, 2, 3], 4)


def test_mixup_mixes_images_and_targets_alike(batch):
    photos, labels = batch
    images, targets = mixup(photos, labels, 0.7)
    np.testing.assert_allclose(images[0], 0.7 * photos[0] + 0.3 * photos[3], atol=1e-6)
    np.testing.assert_allclose(targets[0], [0.7, 0, 0, 0.3], atol=1e-6)


def test_cutmix_targets_are_the_shares_of_the_pixels(batch):
    photos, labels = batch
    images, targets = cutmix(photos, labels, 0.6, Draws(0, 1))
    kept = (images[0].numpy() == photos[0].numpy()).mean()
    assert 0 < kept < 1
    np.testing.assert_allclose(targets[0], [kept, 0, 0, 1 - kept], atol=1e-6)
    pasted = images[0].numpy() != photos[0].numpy()
    np.testing.assert_array_equal(images[0].numpy()[pasted], photos[3].numpy()[pasted])


@pytest.mark.parametrize("names", [("mixup",), ("cutmix",), ("mixup", "cutmix")])
def test_mixing_keeps_targets_probabilities(names, batch):
    augmentation = Augmentation.model_validate(dict.fromkeys(names, 0.2))
    photos, labels = batch
    shares = []
    for number in range(40):
        _, targets = random_mixing(photos, labels, augmentation, Draws(0, number, of_batch=True))
        np.testing.assert_allclose(tf.reduce_sum(targets, axis=1), 1, atol=1e-6)
        shares.append(float(targets[0, 0]))
    # Beta(0.2, 0.2) has most of its weight at the ends, and some in between.
    assert len(set(shares)) > 10
