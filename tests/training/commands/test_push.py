"""push puts a run's model on the hub, with the licence that it inherits, and only with --yes."""

import dataclasses
import json

import hubs
import pytest
import yaml
from huggingface_hub import constants

import keras_resnets
from keras_resnets.card import Card
from training.cli import main
from training.reporting.page.page import rendered


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with hubs.serving(monkeypatch, tmp_path) as server:
        monkeypatch.setenv("HF_TOKEN", hubs.TOKEN)
        yield server


@pytest.fixture
def run(finished):
    """The run, with a card that may be changed."""
    run, _ = finished
    card = (run / "best.card.json").read_text("utf-8")
    yield run
    (run / "best.card.json").write_text(card, "utf-8")


def began_with(run, **provenance):
    card = Card.load(run / "best.keras")
    dataclasses.replace(card, provenance=provenance).save(run / "best.keras")


def test_nothing_is_uploaded_without_yes(hub, run, capsys):
    assert main(["push", str(run), "me/net", "--licence", "mit"]) == 0
    printed = capsys.readouterr().out
    assert "Nothing was uploaded." in printed
    assert "license: mit" in printed
    assert hub.repositories == {}
    assert hub.requests == []


def test_what_is_pushed_opens_elsewhere(hub, run, capsys):
    assert main(["push", str(run), "me/net", "--licence", "mit", "--yes"]) == 0
    assert f"{hub.url}/me/net/commit/" in capsys.readouterr().out
    assert hub.repositories == {"me/net": True}
    _, card = keras_resnets.open_model("hf://me/net")
    mine = Card.load(run / "best.keras")
    assert card.class_names == mine.class_names
    assert mine.data is not None
    assert card.data is None  # the folder's path stays here
    readme = hub.files["/me/net/resolve/main/README.md"].decode()
    front = yaml.safe_load(readme.split("---")[1])
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert front["license"] == "mit"
    assert front["library_name"] == "keras"
    (result,) = front["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(evaluation["top1"], abs=1e-4)
    assert 'open_model("hf://me/net")' in readme
    assert "| blue |" in readme
    assert str(mine.data["folder"]) not in readme
    # Again, as a newer commit; it is evaluated by its address.
    assert main(["push", str(run), "me/net", "--licence", "mit", "--yes", "--public"]) == 0
    assert main(["evaluate", "hf://me/net", str(mine.data["folder"])]) == 0
    assert "top1" in capsys.readouterr().out


def test_a_licence_is_inherited_or_refused(hub, run, capsys):
    assert main(["push", str(run), "me/net", "--yes"]) == 2
    assert "Choose one: --licence apache-2.0" in capsys.readouterr().err
    began_with(run, weights="net.fb", licence="cc-by-nc-4.0")
    assert main(["push", str(run), "me/net"]) == 0
    assert "license: cc-by-nc-4.0" in capsys.readouterr().out
    assert main(["push", str(run), "me/net", "--licence", "mit", "--yes"]) == 2
    assert "inherits from net.fb" in capsys.readouterr().err
    for licence in ("unknown", "cc-by-nd-4.0"):
        began_with(run, weights="net.fb", licence=licence)
        assert main(["push", str(run), "me/net", "--yes"]) == 2
        assert f"whose licence is '{licence}'" in capsys.readouterr().err
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("token", "fault", "words"),
    [
        ("hf_reads", None, "the hub refused: Client error '401"),
        (hubs.TOKEN, "500", "the hub refused: Server error '500"),
        (None, None, "nobody is logged in"),
    ],
)
def test_a_hub_that_refuses_is_one_line(hub, run, capsys, monkeypatch, token, fault, words):
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    hub.fault = fault
    assert main(["push", str(run), "me/net", "--licence", "mit", "--yes"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_other_names_and_no_runs_are_refused(tmp_path, capsys):
    assert main(["push", str(tmp_path), "me/net"]) == 2
    assert "Expected the folder of a finished run" in capsys.readouterr().err
    assert main(["push", str(tmp_path), "me"]) == 2
    assert "user/name" in capsys.readouterr().err


def test_a_class_name_cannot_leave_its_cell():
    from training.reporting.page import page

    assert page._line("a | b\n<c> *d*") == r"a \| b \<c\> \*d\*"
    assert rendered is page.rendered
