"""`make demo`, the first command of the README: its three steps, on one epoch."""

import re
import shlex
from pathlib import Path

from keras_resnets.cli import main

MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text("utf-8")
FASTER = {"train": ["--epochs", "1", "--devices", "1", "--set", "schedule.warmup=0"]}


def test_each_of_its_steps_ends_well(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (target,) = re.findall(r"^demo:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    steps = [shlex.split(line)[1:] for line in target.splitlines()]
    assert [step[0] for step in steps] == ["train", "export", "report"]
    for step in steps:
        assert main([*step, *FASTER.get(step[0], [])]) == 0, capfd.readouterr().err
    left = {path.name for path in Path("runs/demo").iterdir()}
    assert {"best.keras", "report.html", "report.png", "tflite"} <= left
    assert len(list(Path("runs/demo/tflite").glob("*.tflite"))) == 3
