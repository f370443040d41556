"""The README and the documents: their Python runs, their commands are understood, their links lead."""

import importlib
import re
import shlex
from urllib.parse import urlsplit

import numpy as np
import pytest
from documents import DOCUMENTS, ROOT, blocks
from PIL import Image

from keras_resnets.cli import COMMANDS, main

README = (ROOT / "README.md").read_text("utf-8")
KOREAN = (ROOT / "README.ko.md").read_text("utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text("utf-8")


def printed_commands():
    """Every `keras-resnets …` that a document prints, in a block or within a sentence."""
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        lines = [line for block in blocks("sh", text) for line in block.splitlines()]
        lines += re.findall(r"^    (keras-resnets .*)$", text, re.MULTILINE)
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        lines += [" ".join(span.split()) for span in re.findall(r"`(keras-resnets[^`]*)`", prose)]
        for line in lines:
            words = shlex.split(line, comments=True)
            if (
                words[:1] == ["keras-resnets"]
                and "COMMAND" not in words
                and words[2:] != ["--help"]
            ):
                yield path.name, words[1:]


SHELL = [line for block in blocks("sh", README) for line in block.splitlines()]
PRINTED = sorted({(name, *words) for name, words in printed_commands()})


def test_the_python_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((300, 400, 3), 90, "uint8")).save("photo.jpg")
    code = "\n".join(blocks("python", PYTHON))
    # The published weights are not to be had without a network.
    assert 'weights="imagenet"' in code
    names: dict = {}
    exec(code.replace('weights="imagenet"', "weights=None, input_shape=(288, 288, 3)"), names)
    assert names["probabilities"].shape == (1, 1000)
    assert list(names["pyramid"].output) == ["stage1_block3", "stage2_block4", "stage4_block3"]
    assert names["card"].class_names == tuple("0123456789")


@pytest.mark.parametrize(("document", "words"), [(name, words) for name, *words in PRINTED])
def test_its_commands_are_understood(document, words, monkeypatch):
    if len(words) < 2:  # a command that is only named
        assert set(words) <= set(COMMANDS)
        return
    understood: list = []
    module = importlib.import_module(COMMANDS[words[0]].module)
    monkeypatch.setattr(module, "run", understood.append)
    assert main(words) == 0
    assert len(understood) == 1


def test_the_korean_one_says_the_same():
    """Its commands, its code, its links and its numbers are the English one's, in their order."""
    assert blocks("sh", KOREAN) == blocks("sh", README)
    links = r"\]\(([^)]+)\)"
    others = {"README.md", "README.ko.md"}
    assert [link for link in re.findall(links, KOREAN) if link not in others] == [
        link for link in re.findall(links, README) if link not in others
    ]
    for facts in (spans, numbers):
        assert sorted(facts(KOREAN)) == sorted(facts(README))


def spans(text):
    """The code within sentences and tables."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def numbers(text):
    return re.findall(r"\d[\d,.]*\d|\d", text)


def test_enough_commands_are_tried():
    assert {"train", "export", "predict", "verify", "inspect", "benchmark", "snippet"} <= {
        words[1] for words in PRINTED if len(words) > 2
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_users_are_told_the_one_command(path):
    """`python -m training` and `python -m tflite` are for the checkout: one sentence names them."""
    old = re.findall(r"python -m (?:training|tflite)[^`]*", path.read_text("utf-8"))
    expected = ["python -m training", "python -m tflite"] if path.name.startswith("README") else []
    if path.name != "CONTRIBUTING.md":
        assert old == expected


def test_its_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    printed = [c.split()[1] for c in SHELL if c.startswith("make ")]
    assert printed == ["wheel", "demo", "test"]
    assert set(printed) <= set(targets)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_its_links_lead_somewhere(path):
    """Within the repository to a file and its heading; outside to what can be an address."""
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        address = urlsplit(link)
        if not address.scheme:
            target = path.parent / address.path if address.path else path
            assert target.exists(), link
            assert not address.fragment or address.fragment in anchors(target), link
    for link in re.findall(r"\w+://[^\s)>\"'`,;]+", text):
        address = urlsplit(link)
        if address.scheme != "hf" and address.hostname != "127.0.0.1":
            assert address.scheme == "https", link
            assert re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", address.netloc), link
    if path.name == "README.md":
        assert "docs/demo.png" in text


def anchors(path):
    """What headings are called in links to them."""
    prose = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", prose, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
