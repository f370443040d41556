"""Warnings that name the line of whoever called the library, however deep they arise."""

import inspect
import warnings

_LIBRARY = __name__.partition(".")[0]


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warns at the innermost line that is not the library's own."""
    level = 1
    frame = inspect.currentframe()
    while frame is not None and _is_own(frame.f_globals.get("__name__", "")):
        level += 1
        frame = frame.f_back
    # Level 1 is the line of warnings.warn below, in the first frame that was walked over.
    warnings.warn(message, category, stacklevel=level)


def _is_own(module: str) -> bool:
    return module == _LIBRARY or module.startswith(f"{_LIBRARY}.")
