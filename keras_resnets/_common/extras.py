"""What is missing from an installation without extras, and how it is added.

`setup.cfg` alone says what an extra brings; it is read from the metadata of the installation.
"""

import functools
from importlib import metadata

from keras_resnets.errors import MissingExtra

DISTRIBUTION = "keras-resnets"
# Modules whose distributions bear another name.
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}


def missing_extra(error: ModuleNotFoundError, preferred: str | None = None) -> MissingExtra | None:
    """What the user reads where a module of an extra is missing.

    Args:
        error: The failed import's error.
        preferred: The extra to name where several bring the module.

    Returns:
        The error to raise in its place, or `None` where no extra brings the module: that is a bug.

    Example:
        >>> print(missing_extra(ModuleNotFoundError("No module named 'yaml'", name="yaml")))
        Expected the module 'yaml'. Received: it is not installed. Add it: pip install \
'keras-resnets[training]'
    """
    from packaging.utils import canonicalize_name

    module = (error.name or "").split(".")[0]
    distribution = canonicalize_name(DISTRIBUTIONS.get(module, module))
    extras = [extra for extra, brought in _extras().items() if distribution in brought]
    if not extras:
        return None
    extra = preferred if preferred in extras else extras[0]
    return MissingExtra(
        f"Expected the module {module!r}. Received: it is not installed. "
        f"Add it: pip install '{DISTRIBUTION}[{extra}]'",
        name=module,
    )


@functools.cache
def _extras() -> dict[str, set[str]]:
    """The distributions that each extra brings, with those of the extras that it includes."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    try:
        about = metadata.metadata(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # run from a folder, and not installed
        return {}
    requirements = [Requirement(text) for text in about.get_all("Requires-Dist") or ()]

    def brought(extra: str) -> set[str]:
        names: set[str] = set()
        for requirement in requirements:
            if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
                continue
            if requirement.name == DISTRIBUTION:
                names = names.union(*map(brought, requirement.extras))
            else:
                names.add(canonicalize_name(requirement.name))
        return names

    return {extra: brought(extra) for extra in about.get_all("Provides-Extra") or ()}
