"""Cross-validation: who learns from what, and that a killed one goes on where it was."""

import json
from typing import Any

import numpy as np
import pytest
import yaml
from kills import Killed
from networks import small

from keras_resnets._common.shares import wilson
from keras_resnets.card import Card
from keras_resnets.data import open_data
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from training import folds
from training.cli import main
from training.cluster import ALONE, Task
from training.config import Config
from training.reporting.out_of_fold import OutOfFold
from training.run.folder import RunFolder

SIZE = Preprocessing(size=16, crop_fraction=1.0)


@pytest.fixture
def data(photos):
    return open_data(folder=str(photos))


def contents(data, split):
    return {encoded for encoded, _ in data.examples(split, decode=False).as_numpy_iterator()}


def test_each_photo_is_held_out_once_and_the_test_photos_never_take_part(data, tmp_path, randomise):
    network = randomise(small("ResNeXt", input_shape=(16, 16, 3), classes=3))
    seen: list[Any] = []

    def train(own, images):
        if len(seen) == 2:
            seen.append(None)
            raise Killed
        seen.append({split: contents(images, split) for split in images.sizes})
        assert {split: len(found) for split, found in seen[-1].items()} == images.sizes
        assert [sum(counts) for counts in images.counts.values()] == list(images.sizes.values())
        network.save(own / "best.keras")
        Card("ResNeXt", data.class_names, SIZE).save(own / "best.keras")

    config = Config.model_validate({"preprocessing": SIZE.to_dict()})
    (tmp_path / "run").mkdir()
    with RunFolder.open(tmp_path / "run", config) as folder:
        with pytest.raises(Killed):
            folds.cross_validate(4, folder, data, train, config)
        assert sorted(path.name for path in (folder / "folds").glob("*.npz")) == ["1.npz", "2.npz"]
        result = folds.cross_validate(4, folder, data, train, config)
        assert not (folder / "folds").exists()
        found = OutOfFold.load(folder / "folds.npz")

    seen.remove(None)
    assert len(seen) == 4  # the two that were done are not done again
    pool = contents(data, "train") | contents(data, "validation")
    held = [each["test"] for each in seen]
    assert set().union(*held) == pool
    assert sum(map(len, held)) == len(pool)
    for each in seen:
        assert each["train"] | each["validation"] | each["test"] == pool
        assert not each["train"] & each["validation"]
        assert not each["test"] & (each["train"] | each["validation"])
    assert not pool & contents(data, "test")

    # Each place is the photo's own: its label says so.
    labels = {
        split: [label for _, label in data.examples(split, decode=False).as_numpy_iterator()]
        for split in folds.POOL
    }
    places = list(zip(found.splits, found.positions, strict=True))
    assert len(set(places)) == len(pool)
    assert [labels[split][place] for split, place in places] == found.labels.tolist()
    right = int((found.probabilities.argmax(axis=1) == found.labels).sum())
    assert result.top1_interval == wilson(right, len(pool))
    assert result.verdict.startswith(f"{right / len(pool):.2%} of {len(pool)} out-of-fold images")


def test_what_has_too_few_photos_is_refused(data):
    config = Config(folds=20)
    with pytest.raises(UserError, match="Received: a class with 1[0-9]. Add photos"):
        folds.check(config, data, ALONE)
    folds.check(Config(), data, ALONE)
    folds.check(Config(folds=5), data, ALONE)
    with pytest.raises(UserError, match="at most the 4[0-9] photos .* Received: batch_size=50"):
        folds.check(Config(folds=5, batch_size=50), data, ALONE)
    with pytest.raises(UserError, match="Received: several machines"):
        folds.check(config, data, Task(addresses=("a:1", "b:1")))


@pytest.mark.slow
def test_a_run_with_folds_that_is_killed_in_one_ends_as_one_that_is_not(
    photos, tmp_path, monkeypatch, weights
):
    recipe = tmp_path / "tiny.yaml"
    arguments = {"depths": [1], "planes": 8, "stem": "small", "stem_filters": 8, "drop_rate": 0.1}
    recipe.write_text(
        yaml.safe_dump(
            {
                "model": {"name": "ResNeXt", "arguments": arguments},
                "preprocessing": SIZE.to_dict(),
                "augmentation": {"flip": True},
                "data": {"folder": str(photos)},
                "batch_size": 8,
                "epochs": 2,
                "folds": 2,
            }
        )
    )
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(["train", "--recipe", str(recipe), "--run", str(whole)]) == 0

    held_out = folds._held_out
    calls: list[None] = []

    def dies(*arguments):
        calls.append(None)
        if len(calls) == 2:
            raise Killed
        return held_out(*arguments)

    monkeypatch.setattr(folds, "_held_out", dies)
    with pytest.raises(Killed):
        main(["train", "--recipe", str(recipe), "--run", str(killed)])
    assert (killed / "folds" / "2" / "checkpoints").is_dir()
    assert main(["resume", str(killed)]) == 0
    one, other = (OutOfFold.load(run / "folds.npz") for run in (whole, killed))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)
    for mine, theirs in zip(weights(whole), weights(killed), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    numbers = [json.loads((run / "folds.json").read_text()) for run in (whole, killed)]
    assert numbers[0] == numbers[1]
    assert numbers[0]["split"] == "out-of-fold"
