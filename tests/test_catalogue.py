"""The catalogue keeps to its schema, and describes the networks that there are."""

import json
from importlib import resources

import jsonschema
import pytest

import keras_resnets
from keras_resnets import catalogue


@pytest.fixture
def content():
    return json.loads(
        resources.files("keras_resnets").joinpath("catalogue.json").read_text("utf-8")
    )


@pytest.fixture
def validator():
    text = resources.files("keras_resnets").joinpath("catalogue.schema.json").read_text("utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_catalogue_keeps_to_its_schema(content, validator):
    validator.validate(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entry: entry.update(licence="mit"), "'licence' was unexpected"),
        (lambda entry: entry.pop("timm"), "is not valid under any of the given schemas"),
        (lambda entry: entry.update(official="resnet50"), "is valid under each of"),
        (lambda entry: entry["checkpoints"][0].pop("licence"), "'licence' is a required property"),
        (lambda entry: entry["checkpoints"][0].update(crop_fraction=87.5), "87.5 is greater than"),
        (lambda entry: entry["checkpoints"][0].update(sha256="0123abcd"), "'url' is a dependency"),
        (lambda entry: entry["checkpoints"][0]["results"][0].pop(), "is too short"),
    ],
)
def test_the_schema_refuses_what_is_no_entry(content, validator, change, message):
    change(content["networks"]["ResNet50"])
    with pytest.raises(jsonschema.ValidationError, match=message):
        validator.validate(content)


def test_every_network_has_its_entry_and_every_entry_its_network():
    assert list(catalogue.networks()) == keras_resnets.list_models()
    families = {entry["family"] for entry in catalogue.networks().values()}
    assert families - {"ResNet"} == set(keras_resnets.list_families())


def test_a_network_has_its_familys_paper_or_its_own():
    assert catalogue.paper("ResNet50").startswith("Deep residual learning")
    assert catalogue.paper("ResNet50D").startswith("Bag of tricks")
    assert catalogue.paper("ResNeXt50D").startswith("Aggregated residual")
