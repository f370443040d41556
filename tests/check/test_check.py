"""The examination of folders, and the command that prints it."""

import json
import os
import shutil
import unicodedata
from urllib.parse import unquote_to_bytes

import pytest
from albums import album
from pictures import scene
from PIL import Image, ImageFilter

from keras_resnets.check import examine_folder, page
from keras_resnets.cli import main


def photos(root, classes=("ants", "bees"), each=12):
    for index, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(each):
            scene(100 * index + number, 60, 80).save(root / name / f"{number}.png")
    return root


def kinds(found):
    return {
        finding.kind: [[place.path for place in group] for group in finding.groups]
        for finding in found.findings
    }


def test_nothing_is_found_in_good_photos(tmp_path):
    found = examine_folder(str(photos(tmp_path / "good")))
    assert found.findings == ()
    assert found.formats == {"PNG": 24}
    assert found.sides == ((80, 60),) * 3
    assert found.text().endswith("Nothing was found that is wrong.")
    assert found.short() == []


def test_each_kind_of_photo_is_found(tmp_path):
    root = photos(tmp_path / "mixed")
    ants, bees = root / "ants", root / "bees"
    Image.open(ants / "0.png").save(ants / "recompressed.jpg", quality=40)
    Image.open(ants / "1.png").resize((40, 30)).save(bees / "elsewhere.png")
    shutil.copy(ants / "2.png", ants / "same.png")
    shutil.copy(ants / "3.png", bees / "same.png")
    Image.open(bees / "4.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        bees / "mirrored.png"
    )
    Image.new("RGB", (80, 60), "black").save(bees / "black.png")
    scene(900, 60, 80).filter(ImageFilter.GaussianBlur(6)).save(bees / "blurred.png")
    scene(901, 20, 25).save(bees / "tiny.png")
    scene(902, 60, 80).save(bees / "4 .PNG")
    (ants / "notes.txt").write_text("ants")
    found = examine_folder(str(root))
    assert {kind: sorted(map(sorted, groups)) for kind, groups in kinds(found).items()} == {
        "labels": [["ants/1.png", "bees/elsewhere.png"], ["ants/3.png", "bees/same.png"]],
        "equal": [["ants/2.png", "ants/same.png"]],
        "near": [["ants/0.png", "ants/recompressed.jpg"], ["bees/4.png", "bees/mirrored.png"]],
        "blank": [["bees/black.png"]],
        "blurred": [["bees/blurred.png"]],
        "tiny": [["bees/tiny.png"]],
        "file names": [["bees/4 .PNG", "bees/4.png"]],
    }
    assert "left out 1 *.txt: no photo by its suffix (ants/notes.txt)" in found.text()
    values = json.loads(found.to_json())
    assert values["findings"][0]["groups"][1][0]["class_names"] in (["ants"], ["bees"])
    assert sum(map(sum, values["counts"].values())) == 24 + 8 + 1
    text = page(found)
    assert text.count("<img ") == 2 * 2 + 2 + 2 * 2 + 1 + 1 + 1 + 2
    assert "http" not in text.replace("http-equiv", "")


def test_copies_in_two_of_the_users_own_splits(tmp_path):
    photos(tmp_path / "train")
    for name in ("ants", "bees"):
        (tmp_path / "test" / name).mkdir(parents=True)
        for number in range(3):
            path = tmp_path / "test" / name / f"{number}.png"
            scene(300 + len(name) * number + ord(name[0]), 60, 80).save(path)
    Image.open(tmp_path / "train/ants/5.png").save(tmp_path / "test/ants/9.jpg", quality=60)
    groups = kinds(examine_folder(str(tmp_path)))["splits"]
    assert [sorted(group) for group in groups] == [["test/ants/9.jpg", "train/ants/5.png"]]


def test_classes_that_people_read_as_one(tmp_path):
    names = ("café", "Cafe\u0301 ", "tea")
    root = photos(tmp_path, (names[0], unicodedata.normalize("NFD", names[1]), names[2]))
    (finding,) = (f for f in examine_folder(str(root)).findings if f.kind == "class names")
    assert "'Café ' and 'café'" in finding.about


def test_few_absent_and_unbalanced_classes(tmp_path):
    album(tmp_path, ("ants",), each=1)
    album(tmp_path, ("bees",), each=40, start=500)
    found = [finding.about for finding in examine_folder(str(tmp_path)).findings]
    assert "1 class with fewer than 10 photos: ants (1)" in found
    for split in ("validation", "test"):
        assert f"1 class without {split} photos, by number of training photos: ants (1)" in found
    assert found[-1].endswith("as in the smallest (1)")


@pytest.mark.parametrize("kind", ["one class", "two photos", "all equal"])
def test_what_train_refuses_is_examined_all_the_same(tmp_path, kind):
    if kind == "one class":
        album(tmp_path, ("ants",), each=12)
    elif kind == "two photos":
        album(tmp_path, each=1)
    else:
        album(tmp_path, each=4)
        first = (tmp_path / "cat" / "0.png").read_bytes()
        for path in tmp_path.rglob("*.png"):
            path.write_bytes(first)
    found = examine_folder(str(tmp_path))
    first = found.findings[0]
    expected = {
        "one class": "At least two classes are needed",
        "two photos": "Received: 2 photos of 2 classes, 2 of them different files",
        "all equal": "Received: 8 photos of 2 classes, 1 of them different files",
    }
    assert first.kind == "refused"
    assert expected[kind] in first.about
    assert ("labels" in kinds(found)) == (kind == "all equal")


def test_names_of_all_kinds_are_printed_on_one_line(tmp_path):
    root = photos(tmp_path / "ünï côdé", each=10)
    copies = ["new\nline.png", "accent é.png", "quote'\".png"]
    for number, name in enumerate(copies):
        shutil.copy(root / "ants" / f"{number}.png", root / "ants" / name)
    shutil.copy(root / "ants" / "4.png", os.fsencode(root / "ants") + b"/\xff\xe9.png")
    found = examine_folder(str(root))
    groups = sorted(map(sorted, kinds(found)["equal"]))
    assert groups == [
        ["ants/0.png", "ants/new\\nline.png"],
        ["ants/1.png", "ants/accent é.png"],
        ["ants/2.png", "ants/quote'\".png"],
        ["ants/4.png", "ants/\\xff\\xe9.png"],
    ]
    assert len(found.text().splitlines()) == len(found.text().split("\n"))
    assert "quote&#x27;&quot;.png" in page(found)
    equal = json.loads(found.to_json().encode())["findings"][0]["groups"]
    files = {unquote_to_bytes(place["file"]) for group in equal for place in group}
    assert b"ants/\xff\xe9.png" in files
    assert all((root / os.fsdecode(file)).is_file() for file in files)


def test_the_command_prints_writes_and_ends_as_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    photos(tmp_path / "my photos")
    assert main(["check", "my photos", "--strict"]) == 0
    assert (tmp_path / "my photos-check" / "check.html").exists()
    capsys.readouterr()
    shutil.copy(tmp_path / "my photos/ants/0.png", tmp_path / "my photos/ants/copy.png")
    assert main(["check", "my photos", "--json", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed)["findings"][0]["kind"] == "equal"
    assert (tmp_path / "out" / "check.json").read_text("utf-8") == printed
    assert main(["check", "my photos", "--strict"]) == 1
    assert "1 group (2 photos) of equal files" in capsys.readouterr().out


def test_the_command_refuses_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(photos(tmp_path / "photos", each=2))
    for words, reason in (
        (["check", "."], "Expected a folder outside of the photos to write to."),
        (["check", "nowhere", "--out", "../out"], "which does not exist"),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1
