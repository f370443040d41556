import json

import pytest

from keras_resnets.card import Card, card_path, find_model
from keras_resnets.preprocessing import Preprocessing

CARD = Card(
    architecture="ResNeSt14",
    class_names=("cat", "søt hund"),
    preprocessing=Preprocessing((96, 128), 1.0, "bicubic"),
    data={"dataset": None, "folder": "photos", "data_dir": None},
    provenance={"recipe": "demo", "made": "2026-01-31"},
)


def test_a_card_lies_beside_its_model(tmp_path):
    assert card_path("runs/demo/best.keras").as_posix() == "runs/demo/best.card.json"
    assert CARD.save(tmp_path / "best.keras") == tmp_path / "best.card.json"
    assert [path.name for path in tmp_path.iterdir()] == ["best.card.json"]


@pytest.mark.parametrize("card", [CARD, Card("ReXNet100", ("0",) * 3, Preprocessing())])
def test_a_card_is_read_as_it_was_written(card, tmp_path):
    card.save(tmp_path / "best.keras")
    assert Card.load(tmp_path / "best.keras") == card
    assert isinstance(Card.load(tmp_path / "best.keras").class_names, tuple)


def test_a_card_replaces_the_one_before(tmp_path):
    CARD.save(tmp_path / "last.keras")
    newer = Card("ReXNet100", ("a", "b"), Preprocessing())
    newer.save(tmp_path / "last.keras")
    assert Card.load(tmp_path / "last.keras") == newer


def test_a_missing_card_says_why_it_is_needed(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"classes and preprocessing.*best\.card\.json"):
        Card.load(tmp_path / "best.keras")


def without(key):
    values = json.loads(json.dumps(VALUES))
    del values[key]
    return values


VALUES = {
    "architecture": "ResNeSt14",
    "class_names": ["cat", "dog"],
    "preprocessing": Preprocessing().to_dict(),
    "data": None,
    "provenance": {},
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        (json.dumps(VALUES)[:-20], "Expecting"),
        ("[1, 2]", "found list"),
        ('{"epoch": 3}', r"found \['epoch'\]"),
        (json.dumps(without("class_names")), "class_names"),
        (json.dumps({**VALUES, "colour": "red"}), "colour"),
        (json.dumps({**VALUES, "class_names": "cat"}), "class_names to be a list"),
        (json.dumps({**VALUES, "preprocessing": {"size": 224}}), "crop_fraction"),
        (json.dumps({**VALUES, "preprocessing": 224}), "preprocessing to be a dict"),
        (
            json.dumps({**VALUES, "preprocessing": {**Preprocessing().to_dict(), "size": -1}}),
            "size=-1",
        ),
    ],
)
def test_what_is_no_card_is_refused(content, reason, tmp_path):
    (tmp_path / "best.card.json").write_text(content)
    with pytest.raises(ValueError, match=rf"model card. Received: .*best\.card\.json: .*{reason}"):
        Card.load(tmp_path / "best.keras")


def test_find_model_takes_a_run_or_a_model(tmp_path):
    model = tmp_path / "best.keras"
    model.touch()
    assert find_model(tmp_path) == find_model(str(model)) == model


def test_find_model_says_what_it_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="best.keras in it. Received.*no such file"):
        find_model(tmp_path / "typo")
    (tmp_path / "weights.h5").touch()
    with pytest.raises(FileNotFoundError, match=r"holds \['weights.h5'\]"):
        find_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="another kind"):
        find_model(tmp_path / "weights.h5")
