import json
import shutil

from albums import album
from keras_resnets_training.config import Data
from keras_resnets_training.data.looking import look_first

from keras_resnets.data import open_data


def test_what_was_found_is_said_once_in_a_few_lines_and_kept(tmp_path):
    root = album(tmp_path / "my photos", each=12)
    shutil.copy(root / "cat/0.png", root / "cat/same.png")
    shutil.copy(root / "cat/1.png", root / "dog/same.png")
    source = Data(folder=str(root))
    kept = tmp_path / "check.json"
    data = open_data(folder=str(root))
    lines = look_first(data, source, kept)
    assert lines[0] == "labels: 1 group (2 photos) of copies are in different classes"
    assert lines[1] == "equal: 1 group (2 photos) of equal files"
    assert lines[-1] == f"Look at these: keras-resnets check '{root}'"
    assert len(lines) <= 6
    groups = json.loads(kept.read_text("utf-8"))["findings"][0]["groups"]
    assert sorted(place["path"] for place in groups[0]) == ["cat/1.png", "dog/same.png"]
    assert look_first(data, source, kept) == []  # as when the run goes on
    (root / "dog/same.png").unlink()
    assert look_first(open_data(folder=str(root)), source, kept)[0].startswith("equal")
    kept.write_text("{")
    assert look_first(open_data(folder=str(root)), source, kept)[0].startswith("equal")


def test_of_good_photos_nothing_is_said(tmp_path):
    root = album(tmp_path / "photos", each=20)
    assert (
        look_first(open_data(folder=str(root)), Data(folder=str(root)), tmp_path / "c.json") == []
    )
    assert json.loads((tmp_path / "c.json").read_text("utf-8"))["findings"] == []
