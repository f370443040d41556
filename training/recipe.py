"""Recipes: the YAML files in `recipes/`, and how a configuration is made from one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from keras_resnets.errors import UserError, near_miss

from .config import Config

FOLDER = Path(__file__).parent / "recipes"
# Keys of Keras' that people look for, and why there are none.
ABSENT = {
    "steps_per_execution": (
        "Expected one step in one execution: after each the loss is checked, a signal obeyed, and a "
        "checkpoint written where it is due. On a CPU, more in one gain nothing."
    )
}


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(recipe: str) -> Path:
    """The file of a recipe, by its name here or by its path."""
    path = Path(recipe)
    if path.suffix in (".yaml", ".yml"):
        if path.is_file():
            return path
        raise UserError(f"Expected a recipe's name or file. Received: no file {recipe}.")
    if recipe not in names():
        raise UserError(f"Unknown recipe {recipe!r}. {near_miss(recipe, names())}")
    return FOLDER / f"{recipe}.yaml"


def read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise UserError(
            f"Expected YAML in {path}. Received: {' '.join(str(error).split())}."
        ) from None
    if not isinstance(values, dict):
        raise UserError(f"Expected keys and values in {path}. Received: {values!r}.")
    return values


def configure(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> Config:
    """Validates a recipe's values with `key.sub=value` overrides, whose values are YAML."""
    merged = dict(values)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise UserError(f"Expected key.sub=value. Received: --set {override}.")
        set_key(merged, key, yaml.safe_load(text))
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise UserError("; ".join(_explained(problem) for problem in error.errors())) from None


def set_key(values: dict[str, Any], key: str, value: Any) -> None:
    """Sets `values["optimizer"]["clip"]` for `optimizer.clip`, in copies of the sections."""
    section, *rest = key.split(".", 1)
    if not rest:
        values[section] = value
        return
    inner = values.get(section)
    values[section] = dict(inner) if isinstance(inner, dict) else {}
    set_key(values[section], rest[0], value)


def dump(config: Config) -> str:
    """The YAML of a configuration, with every key."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explained(problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if location[-1] in ABSENT:
        return f"{ABSENT[location[-1]]} Received: {key}={problem['input']!r}. Leave it out."
    if problem["type"] == "extra_forbidden":
        return f"Unknown key {key!r}. {near_miss(location[-1], _keys(location[:-1]))}"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return message
    return f"{key}: {message}. Received: {problem['input']!r}."


def _keys(location: list[str]) -> list[str]:
    """The keys of the section at `location`."""
    section: type[BaseModel] = Config
    for part in location:
        annotation = section.model_fields[part].annotation
        section = next(
            kind for kind in (annotation, *get_args(annotation)) if hasattr(kind, "model_fields")
        )
    return list(section.model_fields)
