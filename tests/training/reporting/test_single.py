"""Single images of a data set: read alone, and no larger than they are shown."""

import functools
import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from albums import album
from pictures import scene
from PIL import Image

from keras_resnets.data import ImageData, evaluation_batches, open_data
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from training.data.opening import photos_named
from training.reporting.single import as_seen, for_page

SIDES = ((700, 1300), (165, 400), (90, 50))


def bytes_of(data: ImageData, places) -> list[bytes]:
    sources = data.stored("test", places)
    return [one if isinstance(one, bytes) else Path(one).read_bytes() for one in sources]


@pytest.fixture(params=["files", "data set"])
def data(request, tmp_path) -> ImageData:
    """Three JPEGs, as files or as a data set that gives their bytes."""
    for number, (height, width) in enumerate(SIDES):
        for name in ("a", "b"):
            path = tmp_path / name / f"é {number}.jpg"
            path.parent.mkdir(exist_ok=True)
            scene(number + (name == "b"), height, width).save(path, quality=95)
    found = open_data(folder=str(tmp_path), everything=True)
    if request.param == "files":
        return found
    contents = bytes_of(found, range(6))

    def source(split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        return tf.data.Dataset.from_tensor_slices((contents, np.zeros(6, "int64")))

    return ImageData("some", ("a", "b"), {"test": 6}, source)


PLACES = [4, 0, 4, 3]


def test_each_is_found_by_its_place(data):
    in_order = [content for content, _ in data.examples("test", decode=False).as_numpy_iterator()]
    assert bytes_of(data, PLACES) == [in_order[place] for place in PLACES]
    assert bytes_of(data, np.array([], int)) == []


def test_a_page_gets_no_more_pixels_than_it_shows(data):
    images = for_page(data, "test", PLACES)
    for image, content in zip(images, bytes_of(data, PLACES), strict=True):
        whole = Image.open(io.BytesIO(content))
        least = min(whole.size)
        assert min(image.shape[:2]) == (least if least < 2 * 165 else 175)
        shrunk = np.asarray(whole.resize(image.shape[1::-1], Image.Resampling.BOX), int)
        assert np.abs(image - shrunk).max() <= 3


def test_a_network_sees_what_evaluation_and_predict_show_it(data):
    preprocessing = Preprocessing(40)
    batches = evaluation_batches(data, "test", preprocessing, 6)
    (shown,) = (images for images, _ in batches.as_numpy_iterator())
    seen = np.stack(as_seen(data, "test", PLACES, preprocessing))
    np.testing.assert_array_equal(preprocessing.normalize(seen), shown[PLACES])


@pytest.mark.parametrize("gone", [True, False])
def test_a_photo_that_is_none_any_more_is_named(gone, tmp_path):
    data = open_data(folder=str(album(tmp_path)), everything=True)
    path = Path(data.photos["test"][3].path)
    path.unlink() if gone else path.write_bytes(b"no photo")
    for read in (for_page, functools.partial(as_seen, preprocessing=Preprocessing(32))):
        with pytest.raises(FileNotFoundError if gone else UserError, match=path.name):
            read(data, "test", [3])
    said = f"{path.name}.*resume" if gone else f"{path.name}: none of JPEG"
    with pytest.raises(UserError, match=said), photos_named(data, "resume"):
        for_page(data, "test", [3])
