import json
import shutil

import keras
import numpy as np
import pytest
from networks import small

from keras_resnets.card import AssumptionWarning, Card, card_path, find_model, open_model
from keras_resnets.preprocessing import Preprocessing, imagenet_classes

CARD = Card(
    architecture="ResNeSt14",
    class_names=("cat", "søt hund"),
    preprocessing=Preprocessing((96, 128), 1.0, "bicubic"),
    data={"dataset": None, "folder": "photos", "data_dir": None},
    provenance={"recipe": "demo", "made": "2026-01-31"},
    threshold=0.4,
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


def test_a_card_from_before_there_were_thresholds_has_none(tmp_path):
    (tmp_path / "best.card.json").write_text(json.dumps(VALUES))
    assert Card.load(tmp_path / "best.keras").threshold is None


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
        (json.dumps({**VALUES, "class_names": ["cat", 2]}), "class_names to be texts"),
        (json.dumps({**VALUES, "provenance": None}), "provenance to be a dict"),
        (json.dumps({**VALUES, "data": "photos"}), "data to be a dict or null"),
        (json.dumps({**VALUES, "threshold": 1.5}), "threshold to be a number from 0 to 1"),
        (json.dumps({**VALUES, "threshold": True}), "threshold to be a number from 0 to 1"),
        (json.dumps({**VALUES, "threshold": float("nan")}), "threshold to be a number from 0 to 1"),
        ("[" * 200_000, "recursion"),
        ("\udcff", "utf-8"),
        (json.dumps({**VALUES, "preprocessing": {"size": 224}}), "crop_fraction"),
        (json.dumps({**VALUES, "preprocessing": 224}), "preprocessing to be a dict"),
        (
            json.dumps({**VALUES, "preprocessing": {**Preprocessing().to_dict(), "size": -1}}),
            "size=-1",
        ),
    ],
)
def test_what_is_no_card_is_refused(content, reason, tmp_path):
    (tmp_path / "best.card.json").write_text(content, "utf-8", "surrogateescape")
    with pytest.raises(ValueError, match=rf"model card. Received: .*best\.card\.json: .*{reason}"):
        Card.load(tmp_path / "best.keras")


def test_a_card_of_gigabytes_is_not_read(tmp_path):
    with open(tmp_path / "best.card.json", "wb") as file:
        file.truncate(3 << 30)
    with pytest.raises(ValueError, match=r"a model card. Received: .*best\.card\.json, of 3.2 GB"):
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


def test_open_model_takes_a_run_a_file_and_a_name(tmp_path):
    model = small("ResNeXt", classes=3)
    model.compile("sgd", "mse")
    model.save(tmp_path / "best.keras")
    card = Card("ResNeXt", ("cat", "dog", "hen"), Preprocessing(64))
    card.save(tmp_path / "best.keras")
    for given in (tmp_path, tmp_path / "best.keras", str(tmp_path)):
        opened, beside = open_model(given)
        assert beside == card
        assert not opened.compiled
        assert [v.path for v in opened.weights] == [v.path for v in model.weights]

    opened, beside = open_model("rexnet_100", weights=None)
    assert (opened.name, beside.architecture) == ("ReXNet100", "ReXNet100")
    assert opened.input_shape == (None, 224, 224, 3)
    assert beside.class_names == tuple(name for _, name in imagenet_classes())


def test_open_model_knows_a_file_of_weights_by_the_card_beside_it(tmp_path):
    source, _ = open_model("ReXNet100", weights=None)
    source.save_weights(tmp_path / "mine.weights.h5")
    with pytest.warns(
        AssumptionWarning, match="mine.weights.h5 does not tell.*224 pix.*ImageNet's classes"
    ):
        open_model("ReXNet100", weights=tmp_path / "mine.weights.h5")
    names = tuple(str(index) for index in range(1000))
    Card("ReXNet100", names, Preprocessing(160)).save(tmp_path / "mine.weights.h5")
    model, card = open_model("ReXNet100", weights=tmp_path / "mine.weights.h5")
    assert (card.preprocessing, card.class_names) == (Preprocessing(160), names)
    assert model.input_shape == (None, 160, 160, 3)
    np.testing.assert_array_equal(model.get_weights()[0], source.get_weights()[0])


@pytest.mark.parametrize(
    ("given", "weights", "reason"),
    [
        ("resnexd50", "imagenet", "Did you mean ResNeXt50.*Nor is there a file or folder"),
        ("runs/demmo", "imagenet", r"Expected a .keras file.*no such file or folder$"),
        ("mine.keras", "imagenet", "no such file or folder. Did you mean mine2.keras?"),
        (".", None, "Expected weights and classes with the name of a network alone"),
        ("mine2.keras", "imagenet", "as many classes as mine2.keras has outputs, 3. Received: 2"),
        (
            "small.keras",
            "imagenet",
            "images of 64x64 pixels, as small.keras takes.*Received: 64x48",
        ),
    ],
)
def test_open_model_says_what_is_wrong(given, weights, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small("ResNeXt", classes=3).save("mine2.keras")
    Card("ResNeXt", ("cat", "dog"), Preprocessing(64)).save("mine2.keras")
    shutil.copy("mine2.keras", "small.keras")
    Card("ResNeXt", ("cat", "dog", "hen"), Preprocessing((64, 48))).save("small.keras")
    with pytest.raises(ValueError, match=reason):
        open_model(given, weights)


def test_a_sigmoid_of_one_output_tells_two_classes_apart(tmp_path):
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(1)]).save(
        tmp_path / "best.keras"
    )
    Card("mine", ("cat", "dog"), Preprocessing(4)).save(tmp_path / "best.keras")
    assert open_model(tmp_path)[1].class_names == ("cat", "dog")
