"""Photos changed at random: refused in a few words, or seen alike by training and by `predict`."""

import random
from functools import partial

import numpy as np
import tensorflow as tf
from hardening.conftest import sizes
from hardening.mutations import mutated
from pictures import encoded, picture, turned_by

from keras_resnets import Preprocessing
from keras_resnets.data._images import crop_image
from keras_resnets.errors import UserError
from keras_resnets.photos import problem_of, read_image

PHOTO = picture(0, 61, 83)
KINDS = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "AVIF": {},
    "PPM": {},
}
PREPROCESSING = Preprocessing(size=32)


def whole_files():
    for kind, options in KINDS.items():
        yield encoded(PHOTO, kind, **options)
    yield encoded(PHOTO, "TIFF", compression="tiff_lzw")
    yield encoded(PHOTO.quantize(16), "PNG")
    yield encoded(PHOTO.convert("CMYK"), "JPEG")
    yield encoded(PHOTO.convert("LA"), "PNG")
    yield encoded(PHOTO, "JPEG", exif=turned_by(6))


def is_seen_alike(content):
    try:
        image = read_image(content)
    except UserError:
        # Found out before training, too.
        assert problem_of(content) is not None
        raise
    if problem := problem_of(content):
        raise UserError(problem)
    pixels = PREPROCESSING.read(content)
    trained_on = crop_image(tf.constant(content), PREPROCESSING).numpy()
    return image.ndim == 3 and np.array_equal(pixels, trained_on)


@sizes(52, 1000)
def test_a_changed_photo_is_refused_or_seen_alike(tries, tally):
    count = tally("photos, changed at random")
    draw = random.Random(0)
    files = list(whole_files())
    for content in files:
        assert is_seen_alike(content)
    for number in range(tries):
        content = mutated(files[number % len(files)], draw)
        count.attempt((number, content[:16]), partial(is_seen_alike, content))
