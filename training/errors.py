"""What the user can mend: shown as one line, without a traceback."""

import difflib
from collections.abc import Iterable

# The exit code of a command that could not start; 1 is left to crashes.
USAGE = 2


class UserError(Exception):
    """A message for the user: the rule, what arrived, the way out."""

    exit_code = USAGE


def near_miss(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'epochs'?`, or the list of what there is."""
    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name.lower(), lowered, n=2, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(lowered[match]) for match in close)}?"
    return f"There are: {', '.join(names)}."
