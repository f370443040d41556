"""Models on the hub: fetched whole, both files of one commit, and used wherever a model is named."""

import dataclasses

import keras
import networks
import numpy as np
import pytest
from huggingface_hub import constants

import keras_resnets
from keras_resnets.card import Card, find_model
from keras_resnets.errors import UserError
from keras_resnets.preprocessing import Preprocessing
from keras_resnets.weights import DownloadError, fetch_shared, is_shared
from keras_resnets.weights.shared import CARD_FILE, MODEL_FILE


@pytest.fixture
def shared(hub, tmp_path):
    """A small model on the hub, and here."""
    model = networks.small("ResNeXt", input_shape=(32, 32, 3), classes=3)
    model.save(tmp_path / "mine.keras")
    card = Card("ResNeXt", ("a", "b", "猫"), Preprocessing(size=32), provenance={"licence": "mit"})
    content = (tmp_path / "mine.keras").read_bytes()
    hub.commit_files("me/net", {MODEL_FILE: content, CARD_FILE: card.to_json().encode()})
    return model, card


def test_it_opens_by_its_address(hub, shared, monkeypatch):
    model, card = shared
    opened, its_card = keras_resnets.open_model("hf://me/net")
    assert its_card == card
    for value, expected in zip(opened.weights, model.weights, strict=True):
        np.testing.assert_array_equal(value, expected)
    gets = len(hub.asked("GET"))
    assert find_model("hf://me/net").name == MODEL_FILE
    assert len(hub.asked("GET")) == gets  # nothing is new
    # Where the hub is out of reach, what was fetched serves.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert keras_resnets.open_model("hf://me/net")[1] == card


def test_its_weights_begin_a_network(shared):
    model, _ = shared
    keras.utils.set_random_seed(1)
    other = networks.small("ResNeXt", input_shape=(32, 32, 3), classes=3, weights="hf://me/net")
    np.testing.assert_array_equal(other.weights[0], model.weights[0])


def test_a_newer_commit_is_fetched(hub, shared, tmp_path):
    model, card = shared
    assert keras_resnets.open_model("hf://me/net")[1].threshold is None
    newer = dataclasses.replace(card, threshold=0.5).to_json().encode()
    model.save(tmp_path / "newer.keras")
    content = (tmp_path / "newer.keras").read_bytes()
    hub.commit_files("me/net", {MODEL_FILE: content, CARD_FILE: newer})
    assert keras_resnets.open_model("hf://me/net")[1].threshold == 0.5


@pytest.mark.parametrize("fault", ["404", "500", "corrupt"])
def test_what_does_not_arrive_is_one_line(hub, shared, fault):
    hub.fault = fault
    with pytest.raises((DownloadError, UserError)):
        fetch_shared("hf://me/net")


@pytest.mark.parametrize("address", ["hf://me", "hf://", "hf://a/b/c", "hf://../x", "hf://a b/c"])
def test_other_addresses_are_refused(address):
    assert is_shared(address)
    with pytest.raises(UserError, match="Expected a repository of the hub, user/name"):
        fetch_shared(address)


def test_what_is_none(tmp_path):
    assert not is_shared(tmp_path / "hf" / "x")
    assert not is_shared("ReXNet100")
