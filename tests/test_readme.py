"""The README: its Python runs, its commands are understood, its picture and links are there."""

import argparse
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


def test_the_python_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((300, 400, 3), 90, "uint8")).save("photo.jpg")
    code = "\n".join(blocks("python"))
    # The published weights are not to be had without a network.
    assert 'weights="imagenet"' in code
    names: dict[str, Any] = {}
    exec(code.replace('weights="imagenet"', "weights=None"), names)
    assert names["probabilities"].shape == (1, 1000)
    assert list(names["pyramid"].output) == ["stage1_block3", "stage2_block4", "stage4_block3"]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python -m ")])
def test_its_commands_are_understood(command, monkeypatch):
    _, _, application, *arguments = shlex.split(command, comments=True)
    understood: list[argparse.Namespace] = []
    if application == "training":
        from training.cli import COMMANDS as OTHERS, main

        name = arguments[0] if arguments and arguments[0] in OTHERS else "train"
        module = importlib.import_module(f"training.commands.{name}")
        monkeypatch.setattr(module, "run", understood.append)
    else:
        from tflite.cli import main

        module = importlib.import_module(f"{application}.commands.{arguments[0]}")
        monkeypatch.setattr(module, "run", understood.append)
    assert main(arguments) == 0
    assert len(understood) == 1


def test_its_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    printed = [c.split()[1] for c in COMMANDS if c.startswith("make ")]
    assert printed == ["demo", "test"]
    assert set(printed) <= set(targets)


def test_its_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert "docs/demo.png" in links
    for link in links:
        assert (ROOT / link).exists(), link
