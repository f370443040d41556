import hashlib

import numpy as np
import pytest
import tensorflow as tf
from albums import album, contents, save, splits
from pictures import encoded, picture
from PIL import Image

from keras_resnets.data import decode_image, open_data
from keras_resnets.photos import read_image

PHOTO = picture(0, 61, 83)


@pytest.fixture(scope="module")
def decode():
    return tf.function(decode_image, input_signature=[tf.TensorSpec((), tf.string)])


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
@pytest.mark.parametrize(("each", "sizes"), [(2, [2, 1, 1]), (3, None)])
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


def test_what_is_not_used_is_counted_by_reason_and_suffix(tmp_path):
    album(tmp_path, each=3)
    save(tmp_path / ".cache" / "1.png", 50)
    save(tmp_path / "cat" / ".thumbs" / "1.png", 51)
    save(tmp_path / "cat" / ".1.png", 52)
    (tmp_path / "cat" / "Thumbs.db").touch()
    (tmp_path / "cat" / "notes.txt").write_text("not a photo")
    (tmp_path / "dog" / "more.TXT").write_text("not a photo")
    (tmp_path / "dog" / "letter").write_text("not a photo")
    save(tmp_path / "5.png", 55)
    save(tmp_path / "cat" / "summer" / "LAKE.JPG", 53)
    for name, kind in {
        "a.webp": "WEBP",
        "b.tiff": "TIFF",
        "c.avif": "AVIF",
        "d.jfif": "JPEG",
    }.items():
        (tmp_path / "dog" / name).write_bytes(encoded(PHOTO, kind))
    (tmp_path / "dog" / "really_a.gif").write_bytes(encoded(PHOTO, "PNG"))
    (tmp_path / "dog" / "without_suffix").write_bytes(encoded(PHOTO, "JPEG"))
    with pytest.warns(UserWarning, match="Left out of") as caught:
        data = open_data(folder=str(tmp_path))
    assert sum(data.sizes.values()) == 6 + 1 + 6
    found = {(group.reason, group.suffix): group.count for group in data.left_out}
    assert found == {
        ("hidden", ""): 3,
        ("of the system", ".db"): 1,
        ("no photo by its suffix", ".txt"): 2,
        ("no suffix, and not an image", ""): 1,
        ("beside the class folders", ".png"): 1,
    }
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "2 *.txt: no photo by its suffix (cat/notes.txt)" in message
    assert "hidden" not in message
    assert "left out 3 without a suffix: hidden (" in data.summary()


def test_hidden_files_alone_are_no_warning(tmp_path):
    save(album(tmp_path, each=3) / "cat" / ".1.png", 52)
    assert [group.count for group in open_data(folder=str(tmp_path)).left_out] == [1]


def test_counts_and_summary(tmp_path):
    album(tmp_path / "train", ("cat", "dog"), each=5)
    album(tmp_path / "test", ("dog",), each=3, start=90)
    data = open_data(folder=str(tmp_path))
    assert [sum(data.counts[split]) for split in data.counts] == [*data.sizes.values()]
    assert data.counts["test"] == (0, 3)
    assert data.origins["validation"] == "a tenth of train, chosen by content"
    assert not data.test_is_validation
    lines = data.summary().splitlines()
    assert lines[0] == f"{tmp_path.name}: 2 classes"
    assert lines[3] == "  test 3 (as given)"
    assert lines[-1].split() == ["dog", *(str(data.counts[split][1]) for split in data.counts)]


def test_the_digest_is_of_names_labels_and_content(tmp_path):
    def digest():
        return open_data(folder=str(tmp_path)).digest

    first = open_data(folder=str(album(tmp_path, each=12))).digest
    assert first == digest()
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / "another name.png")
    assert first == digest()
    (tmp_path / "cat").rename(tmp_path / "lion")
    second = digest()
    (tmp_path / "lion" / "1.png").unlink()
    assert len({first, second, digest()}) == 3


def test_broken_photos_are_named_counted_and_left_out(tmp_path):
    album(tmp_path, each=25)
    (tmp_path / "cat" / "cut.jpg").write_bytes(encoded(PHOTO, "JPEG")[:-300])
    (tmp_path / "dog" / "text.jpg").write_text("this is no photo")
    with pytest.warns(UserWarning, match="Left out") as caught:
        data = open_data(folder=str(tmp_path))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    message = str(caught[0].message)
    assert "2 of 52 photos that cannot be decoded" in message
    assert "cat/cut.jpg: image file is truncated" in message
    assert "dog/text.jpg: not an image" in message
    (group,) = data.left_out
    assert (group.reason, group.suffix, group.count) == ("cannot be decoded", ".jpg", 2)
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
            del content[-1 - number :]
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
    for name, given in damaged.items():
        if f"cat/{name}:" not in listed:
            assert decode(given).shape[-1] == 3
    assert f"cat/19.{kind.lower()}:" in listed or kind == "GIF"


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({}, r"one folder of photos a class.*0 folders \[\] and 0 photos beside"),
        ({"1.png": 0, "2.png": 1}, r"0 folders \[\] and 2 photos beside"),
        ({"cat/1.png": 0}, r"At least two classes.*1 folders \['cat'\]"),
        ({"cat/1.png": 0, "dog/": None}, r"in every class.*no photos in \['dog'\]"),
        (
            {"train/cat/1.png": 0, "train/dog/1.png": 1, "extra/1.png": 2},
            r"beside it \['extra'\]",
        ),
        (
            {
                "train/cat/1.png": 0,
                "train/dog/1.png": 1,
                "val/cat/1.png": 2,
                "validation/cat/1.png": 3,
            },
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
        pytest.warns(UserWarning, match="1 of 41 photos"),
        pytest.raises(ValueError, match=r"readable training photo.*none in \['ant'\]"),
    ):
        open_data(folder=str(tmp_path))


def test_a_missing_folder(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="one folder of photos.*not exist.*moved.*--data FOLDER"
    ):
        open_data(folder=str(tmp_path / "typo"))
