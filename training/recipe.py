"""Recipes: the YAML files in `recipes/`, and how a configuration is made from one."""

import dataclasses
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
# A recipe has some hundred values. Beyond these limits a text is broken or hostile.
MOST_BYTES = 200_000
MOST_VALUES = 5_000
DEEPEST = 20
LARGEST = 2**63
UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}  # as pydantic has it
# Sections of which there are several kinds, and the key that says which.
UNIONS = {"optimizer": "name", "schedule": "name"}

Kind = type[Any]  # of a section: a pydantic model, or a dataclass of the library's

_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 3, 4, 4, 4
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def names() -> list[str]:
    """The recipes that come with the package."""
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
    """The keys and values of a YAML file.

    Raises:
        UserError: Where it is not YAML, or larger than any recipe.
    """
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"Expected {path} in UTF-8. Received: {error.reason}.") from None
    values = parse(text, str(path))
    if not isinstance(values, dict):
        raise UserError(f"Expected keys and values in {path}. Received: {_SHORT.repr(values)}.")
    return values


def parse(text: str, where: str) -> Any:
    """The value of a YAML text, which may be anybody's.

    Args:
        text: Text of any size and content.
        where: Where it comes from, for the message.

    Raises:
        UserError: Where it is not YAML, or larger or deeper than any recipe, its aliases followed.
    """
    if len(text) > MOST_BYTES:
        raise UserError(f"Expected at most {MOST_BYTES} bytes of YAML in {where}. Received: more.")
    try:
        depth = 0
        # Events come one by one, where building the values would recurse.
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise UserError(f"Expected YAML at most {DEEPEST} levels deep in {where}.")
        value = yaml.safe_load(text)
    # Tags such as !!int make values by Python's own constructors.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, UserError):
            raise
        reason = " ".join(str(error).split())
        raise UserError(f"Expected YAML in {where}. Received: {reason[:300]}.") from None
    for count, found in enumerate(_values(value, DEEPEST)):
        if count >= MOST_VALUES:
            raise UserError(
                f"Expected at most {MOST_VALUES} values in {where}, its aliases followed. "
                "Received: more."
            )
        if isinstance(found, int) and abs(found) >= LARGEST:
            raise UserError(f"Expected numbers below 2**63 in {where}. Received: a larger one.")
    return value


def _values(value: Any, depth: int) -> Iterator[Any]:
    """A value and all within it, as often as they are met; an anchor within itself has no end."""
    yield value
    if not isinstance(value, dict | list | tuple | set):
        return
    if not depth:
        raise UserError(f"Expected YAML at most {DEEPEST} levels deep, its aliases followed.")
    for inner in [*value, *value.values()] if isinstance(value, dict) else value:
        yield from _values(inner, depth - 1)


def configure(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> Config:
    """Validates a recipe's values with `key.sub=value` overrides, whose values are YAML.

    Raises:
        UserError: One line that names each key that is wrong, and what is right.
    """
    merged = dict(values)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key:
            raise UserError(f"Expected key.sub=value. Received: --set {override[:100]}.")
        set_key(merged, key, parse(text, f"--set {override[:100]}"))
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise UserError("; ".join(dict.fromkeys(map(_explained, problems)))) from None


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


def migrated(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a `config.yaml` from before each schedule and rule had keys of its own.

    Every key stood there; those that the run's schedule and rule ignored are left out.
    """
    kept = dict(values)
    for name, tag in UNIONS.items():
        section = kept.get(name)
        if not isinstance(section, dict):
            continue
        kinds = _sections(Config, [name])
        own = _keys(_tagged(kinds, section.get(tag)))
        foreign = _keys(kinds) - own
        kept[name] = {key: value for key, value in section.items() if key not in foreign}
    return kept


def _explained(problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    path, kinds = _path(location)
    key = ".".join(path)
    received = f"Received: {_SHORT.repr(problem['input'])}."
    if location and location[-1] in ABSENT:
        return (
            f"{ABSENT[location[-1]]} Received: {key}={_SHORT.repr(problem['input'])}. Leave it out."
        )
    if problem["type"] in UNKNOWN:
        return _unknown_key(path, kinds)
    if problem["type"] == "value_error":
        message = str(problem["ctx"]["error"])
        return message if key in message else f"{key}: {message}"
    if problem["type"] == "union_tag_not_found":
        return f"{key}: Expected keys and values. {received}"
    if problem["type"] == "union_tag_invalid":
        return f"{key}: Expected one of {problem['ctx']['expected_tags']}. {received}"
    return f"{key}: {problem['msg']}. {received}"


def _unknown_key(path: Sequence[str], kinds: Sequence[Kind]) -> str:
    key = ".".join(path)
    tag = UNIONS.get(path[0])
    others = [kind for kind in _sections(Config, path[:-1]) if path[-1] in _fields(kind)]
    if tag is None or not others:
        return f"Unknown key {key!r}. {near_miss(path[-1], _keys(kinds))}"
    chosen, fitting = (" or ".join(n for k in group for n in _tags(k)) for group in (kinds, others))
    return (
        f"Expected {key} with {path[0]}.{tag}={fitting} alone. Received: {path[0]}.{tag}={chosen}, "
        f"which has the keys {', '.join(sorted(_keys(kinds)))}. Leave {path[-1]} out; --set "
        f"'{path[0]}={{{tag}: {chosen}}}' replaces a recipe's whole {path[0]}."
    )


def _path(location: Sequence[str]) -> tuple[list[str], list[Kind]]:
    """A place as the user writes it, without the tags in it, and the kinds of its section."""
    path: list[str] = []
    kinds: list[Kind] = [Config]
    above = kinds
    for part in location:
        if not any(part in _fields(kind) for kind in kinds) and _tagged(kinds, part):
            kinds = _tagged(kinds, part)
            continue
        path.append(part)
        above, kinds = kinds, _inner(kinds, part)
    return path, above


def _sections(section: Kind, path: Sequence[str]) -> list[Kind]:
    kinds = [section]
    for part in path:
        kinds = _inner(kinds, part)
    return kinds


def _inner(kinds: Iterable[Kind], field: str) -> list[Kind]:
    """The kinds of section that a field may be."""
    annotations = [_fields(kind)[field] for kind in kinds if field in _fields(kind)]
    return list(dict.fromkeys(kind for found in annotations for kind in _kinds(found)))


def _fields(kind: Kind) -> dict[str, Any]:
    """The annotations of a section's keys."""
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return {field.name: field.type for field in dataclasses.fields(kind)}


def _kinds(annotation: Any) -> Iterator[Kind]:
    """The sections that an annotation stands for."""
    if isinstance(annotation, type) and (
        issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)
    ):
        yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)


def _tagged(kinds: Iterable[Kind], tag: Any) -> list[Kind]:
    return [kind for kind in kinds if tag in _tags(kind)]


def _tags(kind: Kind) -> tuple[str, ...]:
    """The names by which a kind of section is told from its alternatives."""
    fields = _fields(kind)
    return next((get_args(fields[key]) for key in ("name", "kind") if key in fields), ())


def _keys(kinds: Iterable[Kind]) -> set[str]:
    return {key for kind in kinds for key in _fields(kind)}
