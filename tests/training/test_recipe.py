"""Recipes are parsed strictly, and every error names the near miss."""

import pytest

from keras_resnets.errors import UserError
from training import recipe
from training.config import Config


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_is_valid(name):
    config = recipe.configure(recipe.read(recipe.find(name)))
    assert config.name == name


@pytest.mark.parametrize("name", recipe.names())
def test_every_recipe_opens_with_its_command(name):
    text = recipe.find(name).read_text("utf-8")
    head = text.split("\nname:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    command = "--quantize int8 --from" if name == "int8" else f"--recipe {name}"
    assert f"keras-resnets train {command}" in head


def test_a_saved_configuration_reads_back_the_same(tmp_path):
    config = recipe.configure(recipe.read(recipe.find("demo")), ["optimizer.clip=1"])
    path = tmp_path / "config.yaml"
    path.write_text(recipe.dump(config), "utf-8")
    assert recipe.configure(recipe.read(path)) == config


def test_overrides_reach_into_sections():
    config = recipe.configure({}, ["optimizer.learning_rate=0.3", "augmentation.shift.zoom=0.2"])
    assert config.optimizer.learning_rate == 0.3
    assert config.augmentation.shift is not None
    assert config.augmentation.shift.zoom == 0.2


def test_overrides_keep_the_rest_of_their_section():
    config = recipe.configure({"optimizer": {"name": "adam"}}, ["optimizer.clip=2"])
    assert (config.optimizer.name, config.optimizer.clip) == ("adam", 2)


def test_configurations_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Config().epochs = 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.clip=1", "Unknown key 'optimiser'. Did you mean 'optimizer'?"),
        ("optimizer.learningrate=1", "Did you mean 'learning_rate'?"),
        ("augmentation.shift.rotatoin=3", "Did you mean 'rotation'?"),
        ("epochs=0", "epochs: Input should be greater than or equal to 1. Received: 0."),
        ("epochs=many", "epochs: Input should be a valid integer.* Received: 'many'."),
        ("epochs", "Expected key.sub=value. Received: --set epochs."),
        ("steps_per_execution=4", "one step in one execution.* Received: steps_per_execution=4."),
        ("optimizer.steps_per_execution=4", "Received: optimizer.steps_per_execution=4. Leave it"),
        ("augmentation.policy.kind=rand", "policy: Expected one of 'autoaugment', 'randaugment'"),
    ],
)
def test_bad_overrides_are_explained(override, message):
    with pytest.raises(UserError, match=message):
        recipe.configure({}, [override])


def test_an_unknown_recipe_names_the_near_miss():
    with pytest.raises(UserError, match="Unknown recipe 'dmeo'. Did you mean 'demo'?"):
        recipe.find("dmeo")


def test_broken_yaml_names_the_file(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("model: [")
    with pytest.raises(UserError, match=r"Expected YAML in .*broken\.yaml"):
        recipe.read(recipe.find(str(path)))
