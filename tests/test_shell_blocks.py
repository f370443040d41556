"""The shell blocks of the documents run, as they are printed, or a reason why not stands here."""

import os
import subprocess
import sys
from pathlib import Path

import hubs
import pytest
from documents import DOCUMENTS, blocks
from PIL import Image

# What a block holds that is not run → why.
NOT_RUN = {
    "make ": "sets up an environment, and runs these tests",
    "pip install": "make release installs the wheel in an empty environment",
    "imagenet/": "needs ImageNet",
    "multiworker": "needs machines; tests/training/test_workers.py runs processes",
    "runs/NAME": "the name is the reader's",
    "--find-learning-rate": "trains twice; tests/training/test_rate_finder.py runs it",
    "user/name": "uploads; tests/training/commands/test_push.py does, to a hub of its own",
}
# Prepared as a reader has it by then. One run is the readers' `photos` and their `pets`.
BEFORE = "keras-resnets train --recipe demo --epochs 1 --run runs/demo"
CLASSES = ("cat", "red panda")


def printed():
    """Each document's blocks."""
    for path in DOCUMENTS:
        if path.name != "README.ko.md":  # has the same as README.md
            yield from ((path.name, block) for block in blocks("sh", path.read_text("utf-8")))


def commands():
    """The lines of the blocks that are run, each once, in the documents' order."""
    run = [block for _, block in printed() if not any(part in block for part in NOT_RUN)]
    return list(dict.fromkeys(line for block in run for line in block.splitlines()))


def test_most_of_what_can_run_without_a_network_does():
    text = "".join(block for _, block in printed())
    assert all(part in text for part in NOT_RUN)
    words = {line.split()[1] for line in commands() if len(line.split()) > 1}
    assert words == {
        *("train", "evaluate", "predict", "explain"),
        *("export", "verify", "inspect", "benchmark", "snippet"),
    }


@pytest.fixture
def folder(tmp_path, rng):
    """A folder with photos, in which a run called `pets` is that called `photos`."""
    for label, name in enumerate(CLASSES):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 120, (48, 64, 3), "uint8")
            pixels[..., label] += 120
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.jpg")
    for name in ("photo.jpg", "new_photo.jpg"):
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "pets").symlink_to("photos")
    return tmp_path


@pytest.mark.slow
def test_they_run_in_their_order(folder, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    with hubs.serving(monkeypatch, home) as hub:
        hubs.publish(hub, "ReXNet100", "nav_in1k")
        programs = str(Path(sys.executable).parent)
        environment = os.environ | {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "PATH": programs + os.pathsep + os.environ["PATH"],
        }
        for command in (BEFORE, *commands()):
            done = subprocess.run(
                ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    written = {path.name for path in folder.rglob("*.explained.png")}
    assert written == {"photo.explained.png", "new_photo.explained.png"}
    assert (folder / "formats.png").is_file()
    assert len(list((folder / "runs" / "demo" / "runtimes").iterdir())) >= 4
