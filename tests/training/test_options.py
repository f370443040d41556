"""What recipes may switch on, all at once and to the end."""

import json

import pytest
import tensorflow as tf


@pytest.mark.slow
def test_everything_that_can_be_combined_runs(command, tiny_recipe, tmp_path):
    done = command(
        *("--recipe", tiny_recipe, "--run", "run", "--epochs", 2, "--tensorboard"),
        *("--set", "precision=mixed_bfloat16", "--set", "optimizer.accumulation=2"),
        *("--set", "optimizer.name=radam", "--set", "optimizer.lookahead={}"),
        *("--set", "averaging.ema=null", "--set", "averaging.swa_from=1"),
        *("--set", "schedule.name=cyclical", "--set", "schedule.cycle=1"),
        *("--set", "augmentation.policy={kind: randaugment}", "--set", "augmentation.jitter={}"),
    )
    assert done.returncode == 0, done.stderr
    assert "test images right" in done.stdout
    events = list((tmp_path / "run" / "tensorboard").glob("events.*"))
    tags = {
        value.tag
        for path in events
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert {"loss", "validation_accuracy", "learning_rate"} <= tags


@pytest.mark.slow
def test_finetuning_freezes_and_starts_from_a_model(command, finished, tiny_recipe, tmp_path):
    import keras

    before = keras.saving.load_model(finished[0] / "best.keras", compile=False)
    done = command(
        *("--recipe", tiny_recipe, "--run", "run", "--epochs", 1, "--strategy", "one"),
        *("--weights", finished[0] / "best.keras", "--set", "model.freeze=[stem]"),
        *("--set", "precision=mixed_float16", "--set", "optimizer.layer_decay=0.5"),
        *("--set", "averaging.ema=null"),
    )
    assert done.returncode == 0, done.stderr
    after = keras.saving.load_model(tmp_path / "run" / "last.keras", compile=False)
    for layer in before.layers:
        moved = any(
            abs(new - old).max() > 0
            for new, old in zip(
                after.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True
            )
        )
        assert moved == (bool(layer.weights) and layer.name != "stem")
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    fresh = json.loads((finished[0] / "history.json").read_text())
    assert history[0]["loss"] < fresh[0]["loss"]
