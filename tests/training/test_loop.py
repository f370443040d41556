"""Training as a user starts it: the run folder, Ctrl-C and --resume, and what is refused."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np

from keras_resnets._common.phone_report import REPORT, FileRow, KerasRow, PhoneReport
from keras_resnets.card import Card

RUN_FILES = {
    "config.yaml",
    *("best.keras", "best.card.json", "last.keras", "last.card.json"),
    *("history.csv", "history.json", "evaluation.json", "classes.txt"),
    *("curves.png", "confusion.png", "mistakes.png", "predictions.png", "origin.json"),
}


def test_the_run_folder_is_complete(finished):
    run, done = finished
    assert {path.name for path in run.iterdir()} >= RUN_FILES
    assert (run / "classes.txt").read_text() == "blue\ngreen\nred\n"
    assert done.stderr == ""
    assert done.stdout.count("\nepoch ") == 3


def test_it_learns(finished):
    run, _ = finished
    history = json.loads((run / "history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["validation_loss"] < 0.7 * history[0]["validation_loss"]
    header, *lines = (run / "history.csv").read_text().splitlines()
    assert header.split(",") == list(history[0])
    assert len(lines) == 3


def test_the_best_model_is_what_was_evaluated(finished, photos):
    from keras_resnets.data import evaluation_batches, open_data

    run, _ = finished
    card = Card.load(run / "best.keras")
    assert card.class_names == ("blue", "green", "red")
    assert card.data is not None
    model = keras.saving.load_model(run / "best.keras", compile=False)
    data = open_data(**card.data)
    batches = evaluation_batches(data, "test", card.preprocessing, 8)
    right = sum(int((model.predict_on_batch(x).argmax(-1) == y.numpy()).sum()) for x, y in batches)
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["top1"] == right / data.sizes["test"]


def test_it_says_where_it_comes_from(finished, tiny_recipe):
    run, _ = finished
    command = f"keras-resnets train --recipe {tiny_recipe} --run {run}"
    assert json.loads((run / "origin.json").read_text())["command"] == command


def test_a_finished_run_is_not_overwritten(finished, command, tiny_recipe):
    run, _ = finished
    done = command("--recipe", tiny_recipe, "--run", run)
    assert done.returncode == 2
    assert done.stderr.startswith("error: Expected a new run folder.")
    assert "--force" in done.stderr


def test_ctrl_c_says_how_to_continue_and_resume_does(
    finished, weights, start, command, tiny_recipe, tmp_path
):
    process = start("--recipe", tiny_recipe, "--run", tmp_path / "run")
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=200)
    assert process.returncode == 130
    assert f"Continue by: keras-resnets resume {tmp_path / 'run'}" in stderr
    assert "Traceback" not in stderr

    done = command("--resume", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    for resumed, straight in zip(weights(tmp_path / "run"), weights(finished[0]), strict=True):
        np.testing.assert_array_equal(resumed, straight)
    rows, expected = (
        json.loads((run / "history.json").read_text()) for run in (tmp_path / "run", finished[0])
    )
    for row, other in zip(rows, expected, strict=True):
        for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
            assert row[name] == other[name]


def test_report_draws_without_tensorflow(finished, command):
    run, _ = finished
    (run / "tflite").mkdir(exist_ok=True)
    file = FileRow("tiny.int8.tflite", "int8", 0.97, 1.0, 0.01, 4000, 0.5, accelerated=True)
    report = PhoneReport(KerasRow(accuracy=0.975, images=6, median_ms=1.0), (file,))
    report.save(run / "tflite" / REPORT)
    done = command("report", run)
    assert done.returncode == 0, done.stderr
    assert (run / "report.png").stat().st_size > 10_000
    assert "tiny.int8.tflite  97.00%" in done.stdout
    assert done.stdout.count("  keras-resnets ") == 3


def test_report_and_bad_flags_import_no_tensorflow():
    code = "import sys, training.commands.report, training.commands.train;"
    code += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
