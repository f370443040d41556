"""Photos are looked at once, whatever the commands, and never with yesterday's eyes."""

import sqlite3

import pytest
from albums import album

from keras_resnets.data import _looks, open_data
from keras_resnets.photos import checked_look, looking


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def glances(monkeypatch):
    """What is looked at, and not found again."""
    contents = []

    def counted(content):
        contents.append(content)
        return checked_look(content)

    monkeypatch.setattr("keras_resnets.data._looks.checked_look", counted)
    return contents


def seen(root):
    data = open_data(folder=str(root))
    return data.digest, {photo for photos in data.photos.values() for photo in photos}


def test_a_photo_is_looked_at_once_wherever_it_lies(tmp_path, glances):
    root = album(tmp_path / "pets é", each=5)
    first = seen(root)
    assert len(glances) == 10
    assert seen(root) == first
    photo = next(root.rglob("*.png"))
    photo.rename(photo.with_name("another name.png"))
    assert seen(root)[0] == first[0]
    assert len(glances) == 10


def test_changed_and_broken_files_are_looked_at(tmp_path, glances):
    root = album(tmp_path / "pets", each=12)
    seen(root)
    broken, changed, *_ = sorted(root.rglob("*.png"))
    other = album(tmp_path / "others", ("x", "y"), each=1)
    changed.write_bytes(next(other.rglob("*.png")).read_bytes() + b"\0")
    broken.write_bytes(b"")
    for _ in range(2):  # why a file cannot be used depends on what is installed, and is not kept
        with pytest.warns(UserWarning, match="an empty file"):
            seen(root)
    assert len(glances) == 24 + 2 + 1


def test_other_libraries_look_again(tmp_path, home, glances, monkeypatch):
    root = album(tmp_path / "pets", each=5)
    seen(root)
    monkeypatch.setattr(_looks, "_maker", lambda: "Pillow of tomorrow")
    seen(root)
    seen(root)
    assert len(glances) == 20
    with sqlite3.connect(home / "keras-resnets/looks.sqlite3") as database:
        makers = database.execute("SELECT maker FROM looks").fetchall()
    database.close()
    assert makers == [("Pillow of tomorrow",)] * 10


def test_a_look_depends_on_the_code_that_makes_it(tmp_path, monkeypatch):
    before = _looks._maker()
    edited = tmp_path / "looking.py"
    edited.write_text("SIDE = 64")
    monkeypatch.setattr(looking, "__file__", str(edited))
    assert _looks._maker() != before


def test_a_damaged_file_is_begun_anew(tmp_path, home, glances):
    root = album(tmp_path / "pets", each=5)
    kept = home / "keras-resnets/looks.sqlite3"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"no database at all" * 100)
    counts = []
    for _ in range(3):
        seen(root)
        counts.append(len(glances))
    assert counts == [10, 20, 20]


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path, home, glances):
    root = album(tmp_path / "pets", each=5)
    home.write_text("a file, and no folder")
    assert seen(root) == seen(root)
    assert len(glances) == 20


def test_nothing_is_kept_for_a_user_without_a_home(tmp_path, glances, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setattr("pathlib.Path.home", homeless)
    root = album(tmp_path / "pets", each=5)
    assert seen(root) == seen(root)
    assert len(glances) == 20
