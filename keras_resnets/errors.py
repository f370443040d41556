"""What the user can mend, told apart from a bug: shown as one line, without a traceback."""

import difflib
from collections.abc import Iterable

# The exit code of a command that could not do what it was asked; 1 is left to crashes.
USAGE = 2
# Names up to which an error lists all that there are: fewer than ImageNet's classes.
MOST_LISTED = 60


class UserError(ValueError):
    """A message for the user: the rule, what arrived, the way out.

    Whatever this package refuses on purpose is one of these. A command shows it as one line; any other
    exception is a bug, and keeps its traceback.

    Attributes:
        exit_code: Exit code of a command that ends with it.
    """

    exit_code = USAGE


class MissingFile(UserError, FileNotFoundError):
    """A file or folder that the user named is not there."""


class MissingExtra(UserError, ImportError):
    """Something that comes with an extra of this package is not installed.

    Args:
        message: What the user reads.
        name: The module that is missing.
    """

    def __init__(self, message: str, *, name: str | None = None):
        super().__init__(message)
        self.name = name


def near_miss(name: str, known: Iterable[str]) -> str:
    """`Did you mean 'epochs'?`, or the list of what there is, cut off where it is long.

    Args:
        name: The name that arrived.
        known: The names that there are.
    """
    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=2, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(lowered[match]) for match in close)}?"
    listed = ", ".join(names[:MOST_LISTED])
    more = len(names) - MOST_LISTED
    return f"There are: {listed}{f' and {more} more' if more > 0 else ''}."
