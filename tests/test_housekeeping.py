"""The files about the project agree with it and with each other."""

import configparser
import os
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")


def read(name):
    return (ROOT / name).read_text("utf-8")


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == SETUP["metadata"]["version"]
    assert citation["license"] == SETUP["metadata"]["license"]
    assert citation["authors"] == [{"name": SETUP["metadata"]["author"]}]


def test_the_changelog_has_this_version_and_its_sections():
    first = read("CHANGELOG.md").split("\n## ")[1]
    assert first.startswith(SETUP["metadata"]["version"])
    assert re.findall(r"^### (.*)$", first, re.MULTILINE) == ["Added", "Changed", "Fixed"]


def test_hosted_machines_run_what_everyone_runs():
    (job,) = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    supported = re.findall(r"Python :: (3\.\d+)", SETUP["metadata"]["classifiers"])
    assert job["strategy"]["matrix"]["python"] == supported


def test_commits_are_checked_by_the_linters_of_make_lint():
    (local,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    hooks = {" ".join(hook["entry"].split()[:2]) for hook in local["hooks"]}
    recipe = read("Makefile").split("\nlint:")[1].split("\n\n")[0]
    linters = {
        " ".join(words.split()[:2]) for words in re.findall(r"\$\(BIN\)/(ruff \w+|mypy)", recipe)
    }
    assert hooks == {f".venv/bin/{linter}" for linter in linters}


def test_what_is_pinned_covers_what_is_required():
    pinned = {
        re.split(r"==", line)[0].lower().replace("_", "-")
        for line in read("constraints.txt").splitlines()
        if "==" in line
    }
    names = ("data", "training", "tflite", "onnx", "openvino", "test", "lint")
    extras = [SETUP["options.extras_require"][name] for name in names]
    options = "\n".join([SETUP["options"]["install_requires"], *extras])
    required = {
        re.split(r"[>=\[;]", line)[0].strip().lower().replace("_", "-")
        for line in options.splitlines()
        if line.strip() and not line.startswith("#") and "win32" not in line
    }
    assert required - pinned - {"keras-resnets"} == set()
