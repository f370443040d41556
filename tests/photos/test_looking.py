import imagehash
import numpy as np
import pytest
from pictures import as_camera_stores, encoded, picture, scene, turned_by
from PIL import Image, ImageFilter

from keras_resnets.photos import look_at

PHOTO = scene(3, 300, 400)


def bits_apart(one, other):
    return (one ^ other).bit_count()


def test_the_hash_is_the_librarys_of_the_upright_photo():
    look = look_at(encoded(picture(1, 90, 120), "PNG"))
    assert look.hash == int(str(imagehash.phash(picture(1, 90, 120))), 16)
    mirrored = picture(1, 90, 120).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert look.mirrored == look_at(encoded(mirrored, "PNG")).hash
    assert (look.height, look.width, look.format) == (90, 120, "PNG")


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_is_looked_at_upright(orientation):
    stored = Image.fromarray(as_camera_stores(np.asarray(PHOTO), orientation))
    look = look_at(encoded(stored, "PNG", exif=turned_by(orientation)))
    upright = look_at(encoded(PHOTO, "PNG"))
    assert (look.height, look.width) == (300, 400)
    assert bits_apart(look.hash, upright.hash) <= 2
    assert bits_apart(look.mirrored, upright.mirrored) <= 2


def test_a_large_jpeg_decoded_at_an_eighth_looks_as_the_whole():
    large = PHOTO.resize((1600, 1200), Image.Resampling.BICUBIC)
    look, whole = look_at(encoded(large, "JPEG", quality=95)), look_at(encoded(large, "PNG"))
    assert (look.height, look.width) == (1200, 1600)
    assert bits_apart(look.hash, whole.hash) <= 4
    pixels, expected = (np.frombuffer(seen.thumbnail, np.uint8) for seen in (look, whole))
    assert np.abs(pixels.astype(int) - expected).max() <= 4


@pytest.mark.parametrize(
    ("pixels", "blank"),
    [
        (np.zeros((40, 50, 3)), True),
        (np.full((40, 50, 3), (250, 240, 10)), True),
        (np.random.default_rng(0).normal(128, 20, (200, 300, 3)), True),  # a sensor in the dark
        (np.linspace(0, 255, 40)[:, None, None] + np.zeros((40, 50, 3)), False),
    ],
)
def test_blank_photos(pixels, blank):
    look = look_at(encoded(Image.fromarray(pixels.clip(0, 255).astype("uint8")), "PNG"))
    assert look.is_blank is blank
    assert not (blank and look.is_blurred)


def test_blurred_photos():
    photo = PHOTO.copy()
    for number in range(6):  # things with edges in front
        photo.paste(scene(number, 40, 40), (60 * number, 40 * number))
    blurred = photo.filter(ImageFilter.GaussianBlur(6))
    frames = [np.roll(np.asarray(photo, float), step, axis=1) for step in range(50)]
    moved = Image.fromarray(np.mean(frames, axis=0).astype("uint8"))
    seen = [look_at(encoded(kind, "JPEG", quality=90)) for kind in (photo, blurred, moved)]
    assert [look.is_blurred for look in seen] == [False, True, True]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (2, 2)])
def test_tiny_photos_are_looked_at(size):
    assert look_at(encoded(Image.new("RGB", size, "red"), "PNG")).is_blank
