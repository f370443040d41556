"""Finding a network by name."""

import difflib
from typing import Any

import keras

from keras_resnets.errors import UserError

# Importing a family's file lists its variants.
from keras_resnets.models import res2net, resnest, resnext, rexnet  # noqa: F401
from keras_resnets.models.architecture import Architecture
from keras_resnets.models.constructor import ARCHITECTURES, CONSTRUCTORS


def list_models() -> list[str]:
    """The names of all networks, in the order of the families' files."""
    return list(ARCHITECTURES)


def model_info(name: str) -> Architecture:
    """The configuration of a network by our name or timm's, in any letter case.

    Raises:
        ValueError: for an unknown name, with the nearest known ones.
    """
    known = {architecture.name.lower(): architecture for architecture in ARCHITECTURES.values()}
    known |= {a.timm: a for a in ARCHITECTURES.values() if a.timm is not None}
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
        names = list(dict.fromkeys(known[match].name for match in near))
        hint = (
            f"Did you mean {' or '.join(names)}?" if names else "See keras_resnets.list_models()."
        )
        raise UserError(f"Unknown model name={name!r}. {hint}")
    return known[name.lower()]


def create_model(name: str, *args: Any, **kwargs: Any) -> keras.Model:
    """Builds a network by name: `create_model("resnest50d", …)` is `ResNeSt50(…)`.

    Args:
        name: our name or timm's, in any letter case.
        *args, **kwargs: the constructor's.

    Raises:
        ValueError: for an unknown name, with the nearest known ones.
    """
    return CONSTRUCTORS[model_info(name).name](*args, **kwargs)
