"""Finding a network by name."""

import difflib
from typing import TYPE_CHECKING, Any

from keras_resnets.errors import UserError
from keras_resnets.models.architecture import Architecture
from keras_resnets.models.constructor import ARCHITECTURES, CONSTRUCTORS, FREE_FORM

if TYPE_CHECKING:
    import keras


def list_models() -> list[str]:
    """The names of all networks, in the order of the families' files.

    Example:
        >>> import keras_resnets
        >>> "ResNeSt50" in keras_resnets.list_models()
        True
    """
    return list(ARCHITECTURES)


def list_families() -> list[str]:
    """The names of the free-form constructors, which take depths and widths as arguments.

    Example:
        >>> import keras_resnets
        >>> "ReXNet" in keras_resnets.list_families()
        True
    """
    return list(FREE_FORM)


def model_info(name: str) -> Architecture:
    """What is known of a network: its numbers, its paper, its configuration.

    Args:
        name: Our name or timm's, in any letter case.

    Raises:
        ValueError: For an unknown name, with the nearest known ones.

    Example:
        >>> import keras_resnets
        >>> info = keras_resnets.model_info("resnext50_32x4d")
        >>> info.name, info.parameters, info.config.cardinality
        ('ResNeXt50', 25028904, 32)
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


def create_model(name: str, *args: Any, **kwargs: Any) -> "keras.Model":
    """Builds a network by name: `create_model("resnest50d", …)` is `ResNeSt50(…)`.

    Args:
        name: A family's name, such as `"ResNeSt"`, or a network's: ours or timm's, in any letter
            case.
        *args: The constructor's positional arguments.
        **kwargs: The constructor's keyword arguments.

    Raises:
        ValueError: For an unknown name, with the nearest known ones.

    Example:
        >>> import keras_resnets
        >>> keras_resnets.create_model("resnest14d", weights=None, classes=3).output_shape
        (None, 3)
    """
    constructor = FREE_FORM.get(name) or CONSTRUCTORS[model_info(name).name]
    return constructor(*args, **kwargs)
