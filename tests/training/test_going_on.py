"""What a run does with the run before it, and with other images than it began with, in this process."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import yaml
from PIL import Image

import keras_resnets
from training.cli import main
from training.run.checkpoint import Checkpoints
from training.run.journal import Journal

STEPS = 6  # of an epoch over the 54 training photos
SETTINGS = [
    *("--strategy", "one", "--set", "deterministic=false", "--set", "distribution.devices=null"),
    *("--set", "distribution.sync_batch_norm=false", "--epochs", "2"),
]


@pytest.fixture(scope="module")
def recipe(tiny_recipe, tmp_path_factory):
    """The tiny one without data."""
    values = yaml.safe_load(tiny_recipe.read_text())
    path = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    path.write_text(yaml.safe_dump({**values, "data": {}, "schedule": {"name": "constant"}}))
    return str(path)


def _photos(root, counts, seed=0):
    """Photos by split and class, brighter in red, green or blue."""
    rng = np.random.default_rng(seed)
    for split, count in counts.items():
        for channel, name in enumerate(("blue", "green", "red")):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 120, (16, 16, 3), dtype="uint8")
                pixels[..., 2 - channel] += 90
                Image.fromarray(pixels).save(root / split / name / f"{index}.png")
    return root


@pytest.fixture(scope="module")
def photos_in_splits(tmp_path_factory):
    return _photos(tmp_path_factory.mktemp("photos"), {"train": 18, "validation": 3, "test": 2})


@pytest.fixture(scope="module")
def stopped(recipe, photos_in_splits, tmp_path_factory):
    """A run that SIGTERM stopped in the second epoch, after its fourth step, and its photos."""
    root = tmp_path_factory.mktemp("stopped")
    shutil.copytree(photos_in_splits, root / "photos")
    add_step, calls = Journal.add_step, 0

    def counting(journal, *arguments):
        nonlocal calls
        add_step(journal, *arguments)
        calls += 1
        if calls == STEPS + 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "add_step", counting)
        arguments = ["--recipe", recipe, "--data", str(root / "photos"), "--run", str(root / "run")]
        assert main([*arguments, *SETTINGS]) == 128 + signal.SIGTERM
    assert [path.stem for path in Checkpoints(root / "run" / "checkpoints").files()] == [
        "step-00000008",
        "step-00000010",
    ]
    return root


@pytest.fixture
def again(stopped, tmp_path):
    """A copy of it."""
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "run" / "config.yaml"
    config.write_text(config.read_text().replace(str(stopped), str(tmp_path)))
    return tmp_path


def _content(path):
    return {p.relative_to(path): p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--data", "/nowhere/typo"], "which does not exist"),
        (["--model", "ResNeSt1x"], "Unknown model"),
        (["--batch-size", "100"], "batch_size of at most the 54 training images"),
        (["--set", "model.classes=7"], "model.classes to be the 3 classes"),
        (["--set", "optimizer.clip=0"], "optimizer.clip"),
        (["--set", "model.arguments.drop_rate=2"], "drop_rate"),
        (["--weights", "/nowhere/typo.keras"], "typo.keras"),
        (["--set", "optimizer.learning_rate=1e30"], "Received: NaN or infinity at step"),
    ],
)
def test_force_destroys_nothing_before_the_new_run_has_begun(
    again, recipe, capsys, changes, message
):
    before = _content(again / "run")
    arguments = ["--recipe", recipe, "--data", str(again / "photos"), "--run", str(again / "run")]
    assert main([*arguments, *SETTINGS, "--force", *changes]) == (3 if "NaN" in message else 2)
    assert message in capsys.readouterr().err
    assert _content(again / "run") == before


@pytest.mark.parametrize(
    "how",
    [
        pytest.param([], id="whole"),
        pytest.param(["--quick"], id="quick"),
        pytest.param(["--freeze", "1"], id="frozen"),
        pytest.param(["--set", "quantize=int8"], id="int8", marks=pytest.mark.slow),  # 27 s
    ],
)
def test_force_begins_from_the_weights_that_are_named(again, recipe, tmp_path, how):
    """And not from the checkpoints that it overwrites, nor from nothing because there are some."""
    start = tmp_path / "start"
    shutil.copytree(again / "run", start)
    models = {}
    for name in ("run", "new"):
        arguments = ["--recipe", recipe, "--data", str(again / "photos"), "--epochs", "1"]
        arguments += ["--weights", str(start / "best.keras"), "--run", str(again / name)]
        assert (
            main([*arguments, *SETTINGS[:-2], "--set", "deterministic=true", "--force", *how]) == 0
        )
        models[name], _ = keras_resnets.open_model(again / name)
    for before, after in zip(*(model.get_weights() for model in models.values()), strict=True):
        np.testing.assert_array_equal(before, after)


def test_fewer_photos_are_named_and_gone_on_with_by_a_flag(again, capsys):
    for name in ("blue", "green", "red"):
        for index in range(8, 18):
            (again / "photos" / "train" / name / f"{index}.png").unlink()
    run = str(again / "run")
    before = _content(again / "run")
    assert main(["resume", run]) == 2
    message = capsys.readouterr().err
    assert "24 train images where there were 54" in message
    assert "--data-changed" in message
    assert _content(again / "run") == before

    assert main(["resume", run, "--data-changed"]) == 0
    assert "Continuing after 1 epochs and 0 steps." in capsys.readouterr().out
    rows = json.loads((again / "run" / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2]
    # Ten steps before, three of an epoch of 24: never fewer than before.
    newest = Checkpoints(again / "run" / "checkpoints").newest()
    assert newest.step == 13
    assert newest.data["sizes"]["train"] == 24
    iterations = next(v for k, v in newest.variables.items() if k.endswith("/iteration"))
    assert int(iterations[0]) == 2 * 3


def test_as_many_photos_that_are_others_are_noticed(again, capsys):
    pixels = np.full((16, 16, 3), 99, "uint8")
    Image.fromarray(pixels).save(again / "photos" / "train" / "red" / "3.png")
    assert main(["resume", str(again / "run")]) == 2
    assert "as many images as before, of which some differ" in capsys.readouterr().err


def test_a_class_that_was_renamed_is_never_gone_on_with(again, capsys):
    for split in ("train", "validation", "test"):
        folder = again / "photos" / split
        (folder / "blue").rename(folder / "violet")
    assert main(["resume", str(again / "run"), "--data-changed"]) == 2
    message = capsys.readouterr().err
    assert "classes without blue and with violet" in message
    assert "--weights" in message


def test_a_run_goes_on_as_if_never_stopped_with_its_photos_elsewhere(again, capsys):
    (again / "photos").rename(again / "moved photos")
    assert main(["resume", str(again / "run")]) == 2
    assert "--data FOLDER" in capsys.readouterr().err
    assert main(["resume", str(again / "run"), "--data", str(again / "moved photos")]) == 0
    printed = capsys.readouterr().out
    assert "Continuing after 1 epochs and 4 steps." in printed
    assert f"keras-resnets report {again / 'run'}" in printed
    assert Checkpoints(again / "run" / "checkpoints").newest().step == 12
    assert main(["resume", str(again / "run")]) == 2
    assert "which is finished" in capsys.readouterr().err


def test_a_run_goes_on_without_the_weights_that_it_began_with(again, capsys):
    path = again / "run" / "config.yaml"
    values = yaml.safe_load(path.read_text("utf-8"))
    values["model"]["weights"] = "/moved/elsewhere.keras"
    path.write_text(yaml.safe_dump(values), "utf-8")
    assert main(["resume", str(again / "run"), "--strategy", "one"]) == 0
    assert "Continuing after 1 epochs and 4 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.unlink(), "No such file or directory"),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "which was changed"),
    ],
)
def test_a_photo_that_goes_while_it_is_trained_on_is_named_and_the_run_goes_on(
    change, said, recipe, photos_in_splits, tmp_path, monkeypatch, capsys
):
    shutil.copytree(photos_in_splits, tmp_path / "my phötos")
    photo = tmp_path / "my phötos" / "train" / "red" / "3.png"
    whole, end_epoch = photo.read_bytes(), Journal.end_epoch

    def changing(journal, *arguments):
        if photo.exists() and photo.read_bytes() == whole:
            change(photo)
        return end_epoch(journal, *arguments)

    arguments = [
        *(
            "--recipe",
            recipe,
            "--data",
            str(tmp_path / "my phötos"),
            "--run",
            str(tmp_path / "run"),
        ),
        *(*SETTINGS, "--epochs", "6", "--set", "saving={every: 1, unit: epochs}"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "end_epoch", changing)
        assert main(arguments) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert f"Received: {photo}" in message
    assert said in message
    assert f"then: keras-resnets resume {tmp_path / 'run'}." in message
    photo.write_bytes(whole)
    assert main(["resume", str(tmp_path / "run"), "--strategy", "one"]) == 0
    assert "Continuing after" in capsys.readouterr().out
