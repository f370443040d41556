import os

import numpy as np
import pytest
import tensorflow as tf
from albums import album
from pictures import as_camera_stores, encoded, picture, turned_by
from PIL import Image

from keras_resnets.data import decode_image, evaluation_batches, open_data, without_stalls
from keras_resnets.photos import read_image
from keras_resnets.preprocessing import Preprocessing

PHOTO = picture(0, 61, 83)


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_image, input_signature=[tf.TensorSpec((), tf.string)])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_graph_decodes_what_read_image_does(kind, decode):
    content = encoded(PHOTO, kind, exif=turned_by(6))
    assert decode(content).shape == (83, 61, 3)
    np.testing.assert_array_equal(decode(content), read_image(content))
    np.testing.assert_array_equal(decode_image(tf.constant(content)), read_image(content))


def test_decode_image_knows_its_rank(decode):
    assert decode.get_concrete_function().structured_outputs.shape.as_list() == [None, None, 3]


@pytest.fixture(scope="module")
def oblong(tmp_path_factory):
    root = tmp_path_factory.mktemp("oblong")
    shapes = [(120, 161), (200, 90), (64, 64), (33, 47), (101, 100), (300, 400)]
    for number, shape in enumerate(shapes):
        for split, name in (("train", "a"), ("train", "b"), ("test", "ab"[number % 2])):
            path = root / split / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(number, *shape).save(path)
    return open_data(folder=str(root))


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing(64),
        Preprocessing(64, 0.95, "bicubic"),
        Preprocessing(33, 1.0, "bicubic"),
        Preprocessing((48, 80), 0.9, "bilinear"),
        Preprocessing(64, 0.875, "bilinear", antialias=False),
        Preprocessing((48, 80), 0.875, "bicubic", antialias=False),
        Preprocessing(150, 0.875, "bicubic"),
    ],
    ids=str,
)
def test_evaluation_batches_are_the_preprocessing(preprocessing, oblong):
    batches = list(evaluation_batches(oblong, "test", preprocessing, 4).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [4, 2]
    images = np.concatenate([images for images, _ in batches])
    assert images.dtype == np.float32
    assert images.shape == (6, *preprocessing.shape, 3)
    expected = [preprocessing(image) for image, _ in oblong.examples("test").as_numpy_iterator()]
    np.testing.assert_allclose(images, np.stack(expected), atol=1e-6)


def test_evaluation_sees_what_predict_sees_however_a_camera_lay(tmp_path):
    preprocessing = Preprocessing(32, interpolation="bicubic")
    upright = np.asarray(picture(5, 61, 83))
    for orientation in range(1, 9):
        stored = Image.fromarray(as_camera_stores(upright, orientation))
        for kind, options in (("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
            path = tmp_path / "test" / "cat" / f"{orientation}.{kind.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(stored, kind, exif=turned_by(orientation), **options))
    data = open_data(folder=str(tmp_path), everything=True)
    ((images, _),) = evaluation_batches(data, "test", preprocessing, 24).as_numpy_iterator()
    assert len(images) == 24
    np.testing.assert_allclose(images, np.stack([preprocessing(upright)] * 24), atol=1e-6)


def test_a_network_behind_evaluation_batches_may_use_all_threads(oblong):
    dataset = evaluation_batches(oblong, "test", Preprocessing(32), 4)
    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    assert dataset.options().threading.max_intra_op_parallelism == threads


def test_evaluation_batches_keep_the_order_and_know_their_shape(oblong):
    dataset = evaluation_batches(oblong, "test", Preprocessing(32), 4)
    assert dataset.element_spec == (
        tf.TensorSpec((None, 32, 32, 3), tf.float32),
        tf.TensorSpec((None,), tf.int64),
    )
    labels = np.concatenate([labels for _, labels in dataset.as_numpy_iterator()])
    assert labels.tolist() == [int(label) for _, label in oblong.examples("test")]


def test_batches_stall_no_loop(tmp_path):
    tf_threads = tf.config.threading.get_intra_op_parallelism_threads()
    data = open_data(folder=str(album(tmp_path)))
    batches = evaluation_batches(data, "train", Preprocessing(size=16), 8)
    # The options must outlive what a caller adds behind them.
    for dataset in (batches, batches.map(lambda images, labels: images).prefetch(2)):
        assert dataset.options().autotune.enabled is False
        threads = dataset.options().threading.max_intra_op_parallelism
        assert threads == (tf_threads or os.cpu_count())
    numbers = tf.data.Dataset.range(5).shuffle(5, seed=1, reshuffle_each_iteration=False)
    assert [*without_stalls(numbers).as_numpy_iterator()] == [*numbers.as_numpy_iterator()]
