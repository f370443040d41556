"""Labels in a CSV: each way to write them, and each way to write them wrong."""

from pathlib import Path

import numpy as np
import pytest
from albums import save
from PIL import Image

from keras_resnets.data import evaluation_batches, open_data, read_labels
from keras_resnets.errors import MissingFile, UserError
from keras_resnets.preprocessing import Preprocessing


@pytest.fixture
def photos(tmp_path) -> Path:
    for number in range(24):
        save(tmp_path / "photos" / ("sub" if number % 2 else ".") / f"{number}.png", number)
    return tmp_path / "photos"


def _name(number: int) -> str:
    return f"sub/{number}.png" if number % 2 else f"{number}.png"


def _written(folder: Path, text: str, encoding: str = "utf-8") -> str:
    path = folder.parent / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return str(path)


LABELS = [
    ";".join(name for name, of in (("ant", 2), ("bee", 3), ("cat", 5)) if n % of == 0)
    for n in range(24)
]
LINES = [f"{_name(number)},{labels}" for number, labels in enumerate(LABELS)]
MANY = "\n".join(["file,labels", *LINES])


def _answers(data, split="train"):
    """The labels of each photo by the colour of its first pixel, which tells the photos apart."""
    return {
        image.tobytes(): tuple(np.flatnonzero(label).tolist() if label.ndim else [int(label)])
        for image, label in data.examples(split).as_numpy_iterator()
    }


def _expected(folder, numbers=range(24)):
    found = {}
    for number in numbers:
        pixels = np.asarray(Image.open(folder / _name(number)).convert("RGB"))
        names = LABELS[number].split(";") if LABELS[number] else []
        found[pixels.tobytes()] = tuple(("ant", "bee", "cat").index(name) for name in names)
    return found


WAYS = {
    "as it is": (MANY, "utf-8"),
    "BOM": (MANY, "utf-8-sig"),
    "CRLF": (MANY.replace("\n", "\r\n"), "utf-8"),
    "CR": (MANY.replace("\n", "\r"), "utf-8"),
    "UTF-16": (MANY, "utf-16"),
    "UTF-16, big end first": ("\ufeff" + MANY, "utf-16-be"),
    "tabs": (MANY.replace(",", "\t"), "utf-8"),
    "semicolons": (
        "\n".join(["file;labels", *(f'{_name(n)};"{labels}"' for n, labels in enumerate(LABELS))]),
        "utf-8",
    ),
    "spaces, empty lines, another case": (
        MANY.replace(",", ", ").replace("file, labels", " File , Labels ") + "\n\n , \n",
        "utf-8",
    ),
    "Windows' paths": (MANY.replace("sub/", ".\\sub\\"), "utf-8"),
    "labels twice, none between": (MANY.replace("ant;", "ant;;ant; "), "utf-8"),
    "a column a class": (
        "\n".join(
            [
                "cat,filename,ant,bee",
                *(
                    f"{int(n % 5 == 0)},{_name(n)},{float(n % 2 == 0)},{n % 3 == 0}"
                    for n in range(24)
                ),
            ]
        ),
        "utf-8",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_write_them_is_the_same_data(photos, way):
    data = open_data(folder=str(photos), labels=_written(photos, *WAYS[way]), everything=True)
    assert (data.class_names, data.multi_label) == (("ant", "bee", "cat"), True)
    assert data.sizes == {"train": 0, "validation": 0, "test": 24}
    assert data.counts["test"] == (12, 8, 5)
    assert _answers(data, "test") == _expected(photos)


def test_splits_are_drawn_and_every_class_is_trained_on(photos):
    labels = _written(photos, MANY)
    data = open_data(folder=str(photos), labels=labels)
    assert sum(data.sizes.values()) == 24
    assert min(data.counts["train"]) > 0
    together = {key: value for split in data.sizes for key, value in _answers(data, split).items()}
    assert together == _expected(photos)
    batches = evaluation_batches(data, "train", Preprocessing(size=8), 4)
    _, batch = next(iter(batches))
    assert (batch.shape, batch.dtype.name) == ((4, 3), "uint8")


def test_the_column_split_is_obeyed(photos):
    split = ["train"] * 18 + ["val"] * 3 + ["Testing"] * 3
    lines = [f"{line},{name}" for line, name in zip(LINES, split, strict=True)]
    data = open_data(
        folder=str(photos), labels=_written(photos, "\n".join(["file,labels,split", *lines]))
    )
    assert data.sizes == {"train": 18, "validation": 3, "test": 3}
    assert data.origins["test"] == "as given"
    assert _answers(data, "validation") == _expected(photos, range(18, 21))


def test_one_label_each_is_the_same_as_folders(photos, tmp_path):
    lines = [f"{_name(n)},{'odd' if n % 2 else 'even'}" for n in range(24)]
    data = open_data(folder=str(photos), labels=_written(photos, "\n".join(["file,label", *lines])))
    for number in range(24):
        target = tmp_path / "folders" / ("odd" if number % 2 else "even") / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((photos / _name(number)).read_bytes())
    folders = open_data(folder=str(tmp_path / "folders"))
    assert not data.multi_label
    assert data.digest == folders.digest
    assert _answers(data) == _answers(folders)


def test_the_digest_knows_the_labels(photos):
    one = open_data(folder=str(photos), labels=_written(photos, MANY))
    other = open_data(
        folder=str(photos), labels=_written(photos, MANY.replace("sub/1.png,", "sub/1.png,cat"))
    )
    assert one.sizes == other.sizes
    assert one.digest != other.digest


def test_any_character_may_stand_in_names(tmp_path):
    names = ['a, "b".png', "é à.png", "line\nbreak.png", " #1.png", "b\\c.png", "日本.png"]
    for number, name in enumerate(names):
        save(tmp_path / "photos" / name, number)
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    lines = [f"{name},{'x' if n % 2 else 'x;y z'}" for n, name in enumerate(quoted)]
    text = "\n".join(["file,labels", *lines])
    data = open_data(
        folder=str(tmp_path / "photos"),
        labels=_written(tmp_path / "photos", text),
        everything=True,
    )
    assert data.class_names == ("x", "y z")
    assert data.counts["test"] == (6, 3)


def test_photos_that_are_not_listed_are_told_and_left_out(photos):
    labels = photos / "labels.csv"
    labels.write_text("\n".join(["file,labels", *LINES[:-2]]))
    with pytest.warns(UserWarning, match=r"2 \*\.png: not in labels\.csv \(22\.png\)"):
        data = open_data(folder=str(photos), labels=str(labels))
    assert sum(data.sizes.values()) == 22
    assert [group.reason for group in data.left_out] == ["not in labels.csv"]


def test_classes_meet_by_name_and_those_without_images_are_fine(photos):
    data = open_data(folder=str(photos), labels=_written(photos, MANY), everything=True)
    met = data.with_classes(("cat", "dog", "bee", "ant"))
    assert met.counts["test"] == (5, 0, 8, 12)
    before, after = _answers(data, "test"), _answers(met, "test")
    places = {0: 3, 1: 2, 2: 0}
    assert after == {
        key: tuple(sorted(places[label] for label in labels)) for key, labels in before.items()
    }


REFUSED = {
    "no header": ("0.png,ant\n2.png,bee", "that begins with: 0.png,ant"),
    "an empty file": ("", "an empty file"),
    "a header alone": ("file,labels\n", "with a header and no photos"),
    "no labels": ("file,split\n0.png,train", r"the columns \['file', 'split'\]"),
    "two columns of names": ("file,image,labels\n0.png,0.png,ant", "the columns"),
    "both columns of labels": ("file,label,labels\n0.png,ant,bee", "the columns"),
    "an unknown column": ("file,labels,author\n0.png,ant,me", "Take out 'author'"),
    "a mistyped column": ("file,lables\n0.png,ant", "0 or 1 in the column 'lables'.*line 2"),
    "a column twice": ("file,ant,ant\n0.png,1,0", "two called 'ant'"),
    "pandas' index": (",file,labels\n0,0.png,ant", "one without a name.*index=False"),
    "a doubtful answer": ("file,ant,bee\n0.png,1,\n", "Received: '' in line 2"),
    "minus one": ("file,ant,bee\n0.png,-1,0\n", "Received: '-1' in line 2"),
    "too many cells": ("file,labels\n0.png,ant,bee\n", "3 in line 2.*stands in quotes"),
    "too few cells": ("file,labels,split\n0.png,ant\n", "2 in line 2"),
    "an open quote": ('file,labels\n"0.png,ant\n', "Expected CSV.*line 2"),
    "a stray quote": ('file,labels\n"0"x.png,ant\n', "Expected CSV.*line 2"),
    "no name": ("file,labels\n,ant\n", "the name of a photo in each line.*line 2"),
    "no label where one is due": ("file,label\n0.png,\n2.png,a", "a label in each line.*line 2"),
    "another split": ("file,labels,split\n0.png,ant;bee,trian\n", "'trian' in line 2.*'train'"),
    "an empty split": ("file,labels,split\n0.png,ant;bee,\n", "Received: '' in line 2"),
    "one class": ("file,labels\n0.png,ant\n2.png,", r"Received: \['ant'\].*column `label`"),
    "not there": (
        "file,labels\n0.png,ant;bee\n1.png,ant\nx.png,bee\n",
        r"2 of 3 that are not there: '1.png' in line 3, 'x.png' in line 4. Did you mean 'sub/1.png'",
    ),
    "two rows of one photo": (
        "file,label\n0.png,ant\n2.png,bee\n./0.png,bee\n",
        "1 photos with more, such as '0.png': ant in line 2 and bee in line 4",
    ),
    "a class that is never trained on": (
        "file,labels,split\n0.png,ant,train\n2.png,ant;bee,val\n",
        r"training photo in every class. Received: none in \['bee'\]",
    ),
    "nothing to train on": ("file,labels,split\n0.png,ant;bee,test\n", "photos to train on"),
}


@pytest.mark.filterwarnings("ignore:Left out of")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_the_line(photos, case):
    text, message = REFUSED[case]
    labels = _written(photos, text)
    with pytest.raises(UserError, match=message):
        open_data(folder=str(photos), labels=labels)


def test_bytes_that_are_no_text_are_refused(photos):
    with pytest.raises(UserError, match="0xe9 in line 2"):
        open_data(folder=str(photos), labels=_written(photos, "file,labels\né.png,a", "latin-1"))
    with pytest.raises(UserError, match="zero bytes"):
        open_data(folder=str(photos), labels=_written(photos, MANY, "utf-16-le"))


def test_a_file_that_is_not_there(photos):
    with pytest.raises(MissingFile, match="which does not exist"):
        read_labels(photos / "labels.csv")
    with pytest.raises(MissingFile, match="a folder"):
        read_labels(photos)
    with pytest.raises(UserError, match="only with `folder`"):
        open_data(dataset="mnist_5k", labels="labels.csv")


def test_a_listed_photo_that_is_broken_is_left_out(photos):
    (photos / "0.png").write_bytes(b"no photo")
    with pytest.warns(UserWarning, match="1 of 24 photos that cannot be decoded"):
        data = open_data(folder=str(photos), labels=_written(photos, MANY))
    assert sum(data.sizes.values()) == 23
