import io
import sys
import time
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from albums import contents, splits
from pictures import encoded, picture

from keras_resnets.data import decode_image, open_data


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_image, input_signature=[tf.TensorSpec((), tf.string)])


class TinyPhotos(tfds.core.GeneratorBasedBuilder):
    """JPEG files of many sizes, keys of its own, no supervised keys, no validation split."""

    name = "tiny_photos_of_the_tests"
    VERSION = tfds.core.Version("1.0.0")
    SIZES: ClassVar = {"train": 40, "test": 6}

    def _info(self):
        features = {
            "photo": tfds.features.Image(encoding_format="jpeg"),
            "kind": tfds.features.ClassLabel(names=["cat", "dog"]),
            "file": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in self.SIZES}

    def _generate_examples(self, split):
        for number in range(self.SIZES[split]):
            content = io.BytesIO(encoded(picture(number, 20 + number, 30), "JPEG"))
            yield number, {"photo": content, "kind": number % 2, "file": str(number)}


class FarAway(TinyPhotos):
    """Its files are on a port of this machine where nothing listens."""

    name = "far_away_of_the_tests"

    def _split_generators(self, dl_manager):
        dl_manager.download("http://127.0.0.1:9/photos.zip")


class TwoLabels(TinyPhotos):
    name = "two_labels_of_the_tests"

    def _info(self):
        info = super()._info()
        features = {**info.features, "mood": tfds.features.ClassLabel(num_classes=2)}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, split):
        for key, example in super()._generate_examples(split):
            yield key, {**example, "mood": 0}


def test_a_data_set_by_name(tmp_path, decode):
    data = open_data(dataset=TinyPhotos.name, data_dir=str(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert data.sizes == {"train": 36, "validation": 4, "test": 6}
    assert data.digest == open_data(dataset=TinyPhotos.name, data_dir=str(tmp_path)).digest != ""
    assert not data.test_is_validation
    found = splits(data)
    assert len(found["train"] | found["validation"]) == 40
    assert contents(data, "train") == contents(data, "train")
    stored = {encoded(picture(number, 20 + number, 30), "JPEG"): number for number in range(6)}
    encodings = data.examples("test", decode=False).as_numpy_iterator()
    pairs = zip(data.examples("test").as_numpy_iterator(), encodings, strict=True)
    for (image, label), (content, same) in pairs:
        number = stored.pop(content)
        assert label == same == number % 2
        np.testing.assert_array_equal(image, decode(content))
    assert not stored


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("train validation test", "train validation test"),
        ("train test", "train[:90%] train[90%:] test"),
        ("train validation", "train validation validation"),
        ("train", "train[:80%] train[80%:90%] train[90%:]"),
        ("test", "None test test"),
        ("train validation unlabelled", "train validation validation"),
    ],
)
def test_the_rule_of_the_splits(given, expected):
    from keras_resnets.data._named import _splits

    name = "imagenet2012" if "unlabelled" in given else "any"
    sizes = dict.fromkeys(given.replace("unlabelled", "test").split(), 10)
    assert " ".join(map(str, _splits(name, sizes).values())) == expected


def test_mock_data_stands_in_for_cifar10(tmp_path):
    builder = tfds.builder("cifar10", data_dir=tmp_path)
    builder.data_path.mkdir(parents=True)
    split_infos = [
        tfds.core.SplitInfo(
            name=name,
            shard_lengths=[size],
            num_bytes=0,
            filename_template=tfds.core.ShardedFileTemplate(
                data_dir=builder.data_path,
                dataset_name="cifar10",
                filetype_suffix="tfrecord",
                split=name,
            ),
        )
        for name, size in (("train", 50_000), ("test", 10_000))
    ]
    builder.info.set_splits(tfds.core.splits.SplitDict(split_infos))
    builder.info.write_to_directory(builder.data_path)
    with tfds.testing.mock_data(num_examples=3, data_dir=str(tmp_path)):
        data = open_data(dataset="cifar10")
        assert data.sizes == {"train": 45_000, "validation": 5_000, "test": 10_000}
        images = [image for image, _ in data.examples("validation").as_numpy_iterator()]
    assert len(images) == 3
    assert images[0].shape == (32, 32, 3)


def test_an_unknown_name_says_what_is_near():
    with pytest.raises(ValueError, match="dataset='cifar_10'. Did you mean 'cifar10' or") as caught:
        open_data(dataset="cifar_10")
    assert len(str(caught.value)) < 400
    with pytest.raises(ValueError, match="Did you mean 'mnist_5k'"):
        open_data(dataset="mnist_5")
    with pytest.raises(ValueError, match="list_builders"):
        open_data(dataset="qqqqqqq")


def test_imagenet_says_which_files_belong_where(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        open_data(dataset="imagenet2012", data_dir=str(tmp_path))
    for words in ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar", "downloads/manual"):
        assert words in str(caught.value)


def test_silent_servers_are_found_out_before_the_download(tmp_path, monkeypatch):
    urls = {"http://127.0.0.1:9/a": None, "http://no-such-host.invalid/b": None}
    monkeypatch.setattr(TinyPhotos, "url_infos", urls)
    monkeypatch.setattr("keras_resnets.data._named._downloaded", lambda *_: False)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="no answer from 127.0.0.1:9, no-such-host.invalid"):
        open_data(dataset=TinyPhotos.name, data_dir=str(tmp_path))
    assert time.monotonic() - start < 12


def test_an_unreachable_download_fails_soon(tmp_path):
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="(?s)Expected to download far_away.*mnist_5k"):
        open_data(dataset=FarAway.name, data_dir=str(tmp_path))
    assert time.monotonic() - start < 15


def test_what_is_on_the_disk_needs_no_server(tmp_path, monkeypatch):
    from tensorflow_datasets.core.download.checksums import UrlInfo

    info = UrlInfo(size=1, checksum="0" * 64, filename="photos.zip")
    monkeypatch.setattr(TinyPhotos, "url_infos", {"http://127.0.0.1:9/photos.zip": info})
    (tmp_path / "downloads" / "manual").mkdir(parents=True)
    with pytest.raises(ConnectionError):
        open_data(dataset=TinyPhotos.name, data_dir=str(tmp_path))
    (tmp_path / "downloads" / "manual" / "photos.zip").touch()
    assert open_data(dataset=TinyPhotos.name, data_dir=str(tmp_path)).sizes["test"] == 6


def test_a_data_set_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"one class each.*\['kind', 'mood'\]"):
        open_data(dataset=TwoLabels.name, data_dir=str(tmp_path))


def test_without_tfds_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-resnets\[data\]'"):
        open_data(dataset="cifar10")
