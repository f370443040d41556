"""Recipes changed at random: refused in one line, or a configuration that is written as it is read."""

import math
import random

import yaml
from hardening.conftest import sizes

from training import recipe

# What a key may be set to by somebody who is tired, or by a program that is broken.
ODD: list[object] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        3.5,
        -0.5,
        1e-320,
        1e308,
        math.inf,
        -math.inf,
        math.nan,
        2**31,
    ),
    *(
        2**63,
        10**30,
        "",
        "0",
        "nan",
        "yes",
        "12:30",
        "2024-01-01",
        "\u2028",
        "x" * 5000,
        "ResNeXt50",
    ),
    *([], [0], [1.5], [[]], {}, {"name": "cosine"}, {"a": {"b": 1}}, [None], ["stem"], {1: 2}),
]


def leaves(values, path=()):
    """The path of every key, of sections too."""
    for key, value in values.items():
        yield (*path, key)
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def changed_values(draw, values):
    """One to three keys set to something odd, dropped or misspelt."""
    whole = recipe.configure(values).model_dump(mode="json")
    for _ in range(draw.randint(1, 3)):
        *above, key = draw.choice(list(leaves(whole)))
        section = whole
        for name in above:
            section = section[name]
        what = draw.random()
        if what < 0.8:
            section[key] = draw.choice(ODD)
        elif what < 0.9:
            del section[key]
        else:
            section[f"{key}s"] = section.pop(key)
    return yaml.safe_dump(whole, allow_unicode=True).encode()


def changed_text(draw, content):
    """Bytes flipped, cut out or repeated."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed))
        what = draw.random()
        if what < 0.5:
            changed[place] ^= 1 << draw.randrange(8)
        elif what < 0.75:
            del changed[place : place + draw.randint(1, 30)]
        else:
            changed[place:place] = changed[place : place + draw.randint(1, 30)]
        changed = changed or bytearray(b" ")
    return bytes(changed)


def is_sound(path):
    """Whether a configuration has finite numbers only and survives being written."""
    config = recipe.configure(recipe.read(path))
    path.write_text(recipe.dump(config), "utf-8")
    return _finite(config.model_dump()) and recipe.configure(recipe.read(path)) == config


def _finite(value):
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@sizes(30, 300)
def test_a_changed_recipe_is_refused_or_sound(tries, tally, tmp_path):
    count = tally("recipes, changed at random")
    draw = random.Random(0)
    path = tmp_path / "recipe.yaml"
    for number in range(tries):
        source = recipe.find(draw.choice(recipe.names()))
        if draw.random() < 0.7:
            content = changed_values(draw, recipe.read(source))
        else:
            content = changed_text(draw, source.read_bytes())
        path.write_bytes(content)
        outcome = count.attempt((number, content[:300]), lambda: is_sound(path))
        assert outcome
