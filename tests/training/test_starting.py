"""`keras-resnets train photos/`: from which weights, by which recipe, and what is said offline."""

import argparse
import json
from pathlib import Path

import hubs
import keras
import numpy as np
import pytest
from albums import album
from kills import Killed

import keras_resnets
from keras_resnets.card import Card
from keras_resnets.errors import UserError
from keras_resnets.weights import to_keras_layout
from training import networks, starting
from training.cli import main
from training.commands.configuration import add_configuration, configured
from training.run.checkpoint import Checkpoints
from training.run.folder import read_config, read_rows
from training.run.journal import Journal

NAMES = ("blue", "green", "red")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hubs.serving(monkeypatch, tmp_path / "hub") as server:
        yield server


def _configured(*arguments):
    parser = argparse.ArgumentParser()
    add_configuration(parser)
    return configured(parser.parse_args([str(argument) for argument in arguments]))


def test_photos_alone_start_from_imagenet():
    config = _configured("photos")
    assert config.data.folder == "photos"
    assert (config.name, config.model.name, config.model.weights) == (
        "photos",
        "ReXNet100",
        "imagenet",
    )
    assert config.preprocessing.to_dict() == {
        **config.preprocessing.to_dict(),
        "size": 224,
        "crop_fraction": 0.875,
        "interpolation": "bicubic",
    }
    assert config.optimizer.layer_decay < 1
    assert config.augmentation.crop is not None
    assert config.patience == 20
    assert set(config.auto) == {
        *("epochs", "batch_size", "head.views", "model.freeze", "cache.views"),
    }


@pytest.mark.parametrize(("size", "network"), starting.SIZES.items())
def test_sizes_are_networks_of_which_there_are_free_weights(size, network):
    config = _configured("photos", "--size", size)
    checkpoint = keras_resnets.weights.default_checkpoint(network)
    assert checkpoint.permissive
    assert config.model.name == network
    assert config.preprocessing == checkpoint.preprocessing


def test_sizes_are_of_growing_accuracy_and_cost():
    best = [
        keras_resnets.weights.default_checkpoint(n).best_result.top1
        for n in starting.SIZES.values()
    ]
    cost = [keras_resnets.model_info(n).gmacs for n in starting.SIZES.values()]
    assert best == sorted(best)
    assert cost == sorted(cost)


def test_the_documents_tell_the_sizes():
    page = (Path(__file__).parents[2] / "docs" / "photos.md").read_text("utf-8")
    for size, network in starting.SIZES.items():
        checkpoint = keras_resnets.weights.default_checkpoint(network)
        side, top1 = checkpoint.preprocessing.size, checkpoint.best_result.top1
        gmacs = keras_resnets.model_info(network).gmacs
        row = f"| {size} | {network} | {top1:.1f} % | {side}×{side} | {gmacs:.2f} |"
        assert row in page


def test_flags_and_overrides_change_what_is_meant():
    config = _configured(
        *("photos", "--model", "resnext50_32x4d", "--weights", "a3_in1k", "--image-size", 160),
        *("--epochs", 3, "--set", "optimizer.learning_rate=0.01"),
    )
    a3 = keras_resnets.weights.find_checkpoint("ResNeXt50", "a3_in1k").preprocessing
    assert config.preprocessing.size == 160
    assert config.preprocessing.crop_fraction == a3.crop_fraction
    assert config.epochs == 3
    assert "epochs" not in config.auto
    assert config.optimizer.learning_rate == 0.01


def test_none_is_from_scratch():
    config = _configured("--dataset", "mnist_5k", "--weights", "none")
    assert (config.name, config.model.weights) == ("photos_from_scratch", None)
    assert config.optimizer.layer_decay == 1
    assert _configured("photos", "--recipe", "finetune", "--weights", "none").model.weights is None


def test_a_network_without_weights_starts_from_scratch_and_says_so():
    with pytest.warns(starting.FromScratchWarning, match="no ImageNet weights of ResNeSt"):
        config = _configured("photos", "--model", "ResNeSt")
    assert (config.name, config.model.weights) == ("photos_from_scratch", None)
    with pytest.raises(UserError, match="no ImageNet weights of ResNeSt"):
        starting.fetch("ResNeSt", "imagenet")


def test_a_recipe_is_what_it_was():
    config = _configured("--recipe", "rexnet_imagenet", "--data", "photos")
    assert config.preprocessing.size == 224
    assert (config.epochs, config.auto, config.patience) == (400, (), None)
    with pytest.raises(UserError, match="Expected --size without --recipe"):
        _configured("photos", "--recipe", "demo", "--size", "small")


def test_the_weights_come_from_the_hub_but_for_the_classifier(hub):
    tensors = hubs.publish(hub, "ReXNet100", "nav_in1k")
    starting.fetch("ReXNet100", "imagenet")
    config = _configured("photos", "--image-size", 64)
    network = networks.in_training(config, NAMES)  # warnings are errors: none of a fresh head
    key_of = keras_resnets.model_info("ReXNet100").source_key
    unlike = {
        v.path
        for v in network.weights
        if not np.array_equal(v, to_keras_layout(tensors[key_of(v.path)], v.shape))
    }
    assert unlike == {"predictions/kernel", "predictions/bias"}
    assert network.output_shape == (None, 3)


def test_offline_is_one_line_with_three_ways_out(hub, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hub.shutdown()
    hub.server_close()
    for arguments in (["train", str(photos)], [str(photos), "--size", "large"]):
        assert main(arguments) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: Could not download timm/rexnet")
        assert message.count("\n") == 1
        for way in ("--weights none", "--weights FILE", "--weights RUN"):
            assert way in message
    assert not (tmp_path / "runs").exists()


def test_a_mistyped_folder_downloads_nothing(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hubs.publish(hub, "ReXNet100", "nav_in1k")
    assert main(["train", "my phötos"]) == 2
    message = capsys.readouterr().err
    assert "my phötos, which does not exist" in message
    assert message.count("\n") == 1
    assert hub.requests == []


@pytest.mark.parametrize("weights", ["missingname.pt", "no where/best.keras", "x.safetensors"])
def test_a_missing_file_is_refused_before_the_photos_are_opened(
    weights, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    photos = album(tmp_path / "photos")
    monkeypatch.setattr("training.preparing.open_checked", lambda *_: pytest.fail("opened"))
    assert main(["train", str(photos), "--weights", weights]) == 2
    message = capsys.readouterr().err
    assert weights in message
    assert message.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_unknown_tag_is_refused_before_the_photos_are_opened(capsys):
    assert main(["train", "/nowhere", "--weights", "nav_in1"]) == 2
    assert "Did you mean 'nav_in1k'?" in capsys.readouterr().err


def test_from_a_run_its_network_and_preprocessing(finished, tmp_path, monkeypatch):
    run, _ = finished
    began = read_config(run)
    for weights in (run, run / "best.keras"):
        config = _configured("photos", "--weights", weights)
        assert config.model.name == began.model.name
        assert config.model.arguments == began.model.arguments
        assert config.preprocessing == began.preprocessing
        assert config.name == "photos"
    monkeypatch.chdir(run.parent)
    for recipe in ((), ("--recipe", "finetune")):
        config = _configured("photos", "--weights", run.name, *recipe)
        assert config.model.weights == str(run / "best.keras")  # found from elsewhere, too
    with pytest.raises(UserError, match="Received: ReXNet150"):
        _configured("photos", "--weights", run, "--size", "medium")
    with pytest.raises(UserError, match="Expected a .keras file, or a run folder"):
        _configured("photos", "--weights", tmp_path)


def test_the_classifier_is_kept_for_the_same_classes_alone(finished):
    run, _ = finished
    config = _configured("photos", "--weights", run)
    before = keras.saving.load_model(run / "best.keras", compile=False)

    def kept(class_names):
        after = networks.in_training(config, class_names)
        return {
            old.path
            for old, new in zip(before.weights, after.weights, strict=True)
            if np.array_equal(old, new) and not old.path.endswith("drop_block/rate")
        }

    everything = {v.path for v in before.weights if not v.path.endswith("drop_block/rate")}
    assert kept(NAMES) == everything
    others = everything - kept(("cat", "dog", "eel"))
    assert others == {"predictions/kernel", "predictions/bias"}


def test_a_run_from_a_run_ends_early_killed_or_not(finished, photos, tmp_path, monkeypatch, capsys):
    """A learning rate that moves no weight: the second epoch is no better than the first."""
    run, _ = finished
    new = tmp_path / "new run"
    arguments = ["train", str(photos), "--weights", str(run), "--run", str(new)]
    settings = [
        *("--set", "optimizer={name: sgd, learning_rate: 1.0e-9, weight_decay: 0}"),
        *("--set", "patience=2", "--epochs", "9"),
        *("--set", "model.freeze=2", "--strategy", "one"),
        *("--set", "head=null"),
    ]
    # Killed as the epoch ends in which its patience does: two epochs of waiting are not forgotten.
    end_epoch = Journal.end_epoch

    def dying(journal, *measures):
        if journal.epoch == 2:
            raise Killed
        return end_epoch(journal, *measures)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "end_epoch", dying)
        with pytest.raises(Killed):
            main([*arguments, *settings])
    assert len(read_rows(new)) == 2
    printed = capsys.readouterr().out
    assert f"starts from {run / 'best.keras'}" in printed
    assert main([*arguments, *settings]) == 0
    printed = capsys.readouterr().out
    assert "Continuing after 2 epochs" in printed
    assert "Ended after 3 of 9 epochs: none was better than epoch 1 in the last 2." in printed
    assert len(read_rows(new)) == 3
    assert Card.load(new / "best.keras").class_names == NAMES
    assert Checkpoints(new / "checkpoints").newest().progress["best_epoch"] == 1
    config = read_config(new)
    assert (config.epochs, config.auto) == (9, ())
    assert json.loads((new / "evaluation.json").read_text())["top1"] >= 0

    # What was cut off before its evaluation ends at once, with no epoch more.
    (new / "evaluation.json").unlink()
    assert main([*arguments, *settings]) == 0
    assert "Continuing after 3 epochs" in capsys.readouterr().out
    assert len(read_rows(new)) == 3


@pytest.mark.slow
def test_photos_to_a_classifier_from_the_hub(hub, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hubs.publish(hub, "ReXNet100", "nav_in1k")
    assert main(["train", str(photos), "--image-size", "64", "--epochs", "2"]) == 0
    printed = capsys.readouterr()
    assert "ReXNet100 starts from imagenet; its classifier is new" in printed.out
    assert printed.err == ""
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("photos-")
    assert read_config(run).batch_size == 8
    model, card = keras_resnets.open_model(run)
    assert card.preprocessing.size == 64
    assert model.output_shape == (None, 3)
