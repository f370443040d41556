import os
from pathlib import Path

import numpy as np
import pytest
from albums import album, contents, save
from pictures import encoded, picture

from keras_resnets.data import evaluation_batches, open_data
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("Training", None, "Testing"),
        ("Train", None, "Test"),
        ("TRAIN", "VAL", None),
        ("train", "valid", "test"),
        ("training", "validation", None),
        ("trainset", "valset", "testset"),
        ("train_images", "dev", "test-images"),
        ("seg_train/seg_train", None, "seg_test/seg_test"),
        ("pets/archive/train", "pets/archive/val", None),
    ],
)
def test_splits_as_people_call_them(train, validation, test, tmp_path):
    sizes = {train: 6, validation: 3, test: 2}
    for number, (name, each) in enumerate(sizes.items()):
        if name:
            album(tmp_path / name, each=each, start=100 * number)
    data = open_data(folder=str(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert sum(data.sizes.values()) == 2 * (6 + 3 * bool(validation) + (2 if test else 3))
    if validation:
        assert data.sizes["validation"] == 6
    assert data.sizes["test"] == (4 if test else 6)
    assert data.test_is_validation == (test is None)


def test_what_systems_leave_behind_is_no_class(tmp_path):
    album(tmp_path / "pets", each=5)
    junk = ("__MACOSX", ".ipynb_checkpoints", "@eaDir", "$RECYCLE.BIN", "System Volume Information")
    for number, name in enumerate(junk):
        save(tmp_path / name / "cat" / "1.png", 50 + number)
        save(tmp_path / "pets" / name / "1.png", 60 + number)
        save(tmp_path / "pets" / "cat" / name / "1.png", 70 + number)
    data = open_data(folder=str(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert sum(data.sizes.values()) == 10


def test_photos_in_sub_folders_that_classes_share_are_theirs(tmp_path):
    for name in ("cat", "dog"):
        album(tmp_path / name, ("images", "more"), each=2, start=50 * len(name) + ord(name[0]))
    assert open_data(folder=str(tmp_path)).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        (
            ["animals/cat/1", "animals/dog/1", "plants/oak/1"],
            "folders in folders.*animals/cat.*plants/oak.*Move the class folders up",
        ),
        (["train/1", "train/2", "test/3"], r"\['test', 'train'\], whose photos lie in no folder"),
        (["train/cat/1", "train/dog/1", "val/1"], r"has train, and beside it \['val'\]"),
        (["train/cat/1", "train/dog/1", "models/a/1"], r"beside it \['models'\].*Move away"),
        (["train/cat/1", "train/dog/1", "Training/cat/2"], "beside it .*Train|train"),
        (["test/cat/1", "test/dog/1"], "no training photos. Call their folder `train`"),
        (["1", "2"], "0 folders .* and 2 photos beside"),
        (
            ["cat/1", "dog/1"],
            "of some class two that are no copies.*2 photos of 2 classes.*everything",
        ),
    ],
)
def test_what_is_neither_is_refused_with_the_way_out(photos, message, tmp_path):
    for number, name in enumerate(photos):
        save(tmp_path / f"{name}.png", number)
    with pytest.raises(UserError, match=f"(?s){message}"):
        open_data(folder=str(tmp_path))


def test_an_unlabelled_test_split_is_left_out_by_name(tmp_path):
    album(tmp_path / "train", each=10)
    save(tmp_path / "test" / "1.png", 500)
    save(tmp_path / "seg_pred" / "seg_pred" / "2.png", 501)
    with pytest.warns(UserWarning, match="without a class, in test .*without a class, in seg_pred"):
        data = open_data(folder=str(tmp_path))
    assert sum(data.sizes.values()) == 20
    assert {group.reason for group in data.left_out} == {
        "without a class, in test",
        "without a class, in seg_pred",
    }


def test_linked_folders_are_followed_and_circles_are_not(tmp_path):
    elsewhere = album(tmp_path / "elsewhere", each=4)
    root = tmp_path / "photos"
    (root / "dog").mkdir(parents=True)
    (root / "cat").symlink_to(elsewhere / "cat")
    (root / "dog" / "more").symlink_to(elsewhere / "dog")
    save(root / "dog" / "5.png", 77)
    (root / "dog" / "circle").symlink_to(root)
    (root / "dog" / "itself.png").symlink_to(root / "dog" / "itself.png")
    (root / "dog" / "gone.png").symlink_to(root / "nowhere")
    with pytest.warns(UserWarning, match="Left out of"):
        data = open_data(folder=str(root))
    assert sum(data.sizes.values()) == 9
    assert sorted(group.example for group in data.left_out) == [
        "dog/circle",
        "dog/gone.png",
        "dog/itself.png",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_left_out_and_not_waited_for(tmp_path):
    album(tmp_path, each=4)
    os.mkfifo(tmp_path / "cat" / "x.jpg")
    with pytest.warns(UserWarning, match=r"1 \*.jpg: no file but a pipe, a socket or a device"):
        assert sum(open_data(folder=str(tmp_path)).sizes.values()) == 8


def test_names_in_any_encoding_train_and_evaluate(tmp_path):
    latin, composed, apart = b"caf\xe9", "é".encode(), "e\u0301".encode()
    for split in ("train", "test"):
        for number, name in enumerate((latin, composed, b"two\nlines")):
            # Another system writes the accent as a character of its own.
            name = apart if split == "test" and name == composed else name
            for photo in range(2):
                path = tmp_path / split / os.fsdecode(name) / os.fsdecode(b"\xff%d.png" % photo)
                save(path, number + 10 * photo + 100 * len(split))
    data = open_data(folder=str(tmp_path))
    assert data.class_names == ("caf\\xe9", "two\nlines", "\xe9")
    assert data.sizes["test"] == 6
    "".join(data.class_names).encode("utf-8")
    data.summary().encode("utf-8")
    for split in data.sizes:
        batches = evaluation_batches(data, split, Preprocessing(16), 4)
        assert sum(len(labels) for _, labels in batches.as_numpy_iterator()) == data.sizes[split]


def test_two_folders_of_one_name_are_refused(tmp_path):
    album(tmp_path, ("\xe9", "e\u0301", "dog"), each=2)
    with pytest.raises(UserError, match="two that are both called 'é', written with other bytes"):
        open_data(folder=str(tmp_path))


def test_photos_that_other_decoders_refuse_are_found_before_training(tmp_path):
    album(tmp_path, each=20)
    content = encoded(picture(1), "PNG")
    header = content[8:33]
    (tmp_path / "cat" / "twice.png").write_bytes(content[:33] + header + content[33:])
    with pytest.warns(UserWarning, match=r"cat/twice\.png: not exactly one header"):
        open_data(folder=str(tmp_path))


# --- everything, to evaluate on ---------------------------------------------------------------


def everything(folder: Path):
    return open_data(folder=str(folder), everything=True)


def test_everything_of_flat_classes_is_the_test_split(tmp_path):
    data = everything(album(tmp_path, ("cat", "dog"), each=7))
    assert data.sizes == {"train": 0, "validation": 0, "test": 14}
    assert data.counts["test"] == (7, 7)
    assert data.origins["test"] == "all photos"


@pytest.mark.parametrize("layout", ["cat", "test/cat", "evaluation/test/cat"])
def test_one_class_or_the_test_split_alone_is_enough(layout, tmp_path):
    save(tmp_path / layout / "1.png", 1)
    data = everything(tmp_path)
    assert (data.class_names, data.sizes["test"]) == (("cat",), 1)


def test_splits_are_used_as_they_are(tmp_path):
    for number, (split, each) in enumerate({"train": 5, "val": 4}.items()):
        album(tmp_path / split, each=each, start=100 * number)
    data = everything(tmp_path)
    assert data.sizes == {"train": 10, "validation": 8, "test": 8}
    assert data.test_is_validation
    album(tmp_path / "test", each=1, start=300)
    data = everything(tmp_path)
    assert data.sizes["test"] == 2
    assert not data.test_is_validation


def test_nothing_to_evaluate_on_is_refused(tmp_path):
    with pytest.raises(UserError, match="At least one class is needed"):
        everything(tmp_path)
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_text("broken")
    with pytest.raises(UserError, match="unreadable. Received: 1 of 1"):
        everything(tmp_path)


# --- classes meet by name ---------------------------------------------------------------------


def test_labels_follow_the_names_of_a_model(tmp_path):
    data = everything(album(tmp_path, ("ant", "cat", "dog"), each=3))
    moved = data.with_classes(("dog", "bird", "cat", "ant"))
    assert sorted(contents(moved, "test")) == sorted(contents(data, "test"))
    assert moved.class_names == ("dog", "bird", "cat", "ant")
    assert moved.counts["test"] == (3, 0, 3, 3)
    assert {int(label) for _, label in moved.examples("test", decode=False)} == {0, 2, 3}
    images, labels = next(iter(evaluation_batches(moved, "test", Preprocessing(8), 9)))
    assert np.bincount(labels, minlength=4).tolist() == [3, 0, 3, 3]
    assert len(images) == 9
    assert data.with_classes(data.class_names) is data


def test_classes_that_a_model_does_not_know_are_named(tmp_path):
    data = everything(album(tmp_path, ("Cat", "dog"), each=1))
    with pytest.raises(
        UserError, match="images of 'Cat', which are none of these. Did you mean 'cat'"
    ):
        data.with_classes(("cat", "dog"))


def test_folders_of_wordnet_ids_meet_imagenets_names(tmp_path):
    from keras_resnets.preprocessing import imagenet_classes

    names = tuple(name for _, name in imagenet_classes())
    assert len(set(names)) < 1000  # two cranes, for one
    data = everything(album(tmp_path, ("n02099601", "n01440764"), each=1))
    moved = data.with_classes(names)
    assert {int(label) for _, label in moved.examples("test", decode=False)} == {0, 207}
