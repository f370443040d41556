"""Captions as wide as what they stand above, and names that leave room for what they stand beside."""

from collections.abc import Callable, Iterator

LONGEST = 40  # characters of a name beside an axis
MOST_ROWS = 3  # of one line; a folder's name may have 255 characters


def shortened(name: str) -> str:
    """A name for an axis: of a long one the beginning and the end, in which names differ.

    Args:
        name: The name.

    Example:
        >>> shortened("husky"), shortened("a dog of the north, photographed by day 17")
        ('husky', 'a dog of the north,…otographed by day 17')
    """
    kept = (LONGEST - 1) // 2
    return name if len(name) <= LONGEST else f"{name[:kept]}…{name[kept + 1 - LONGEST :]}"


def wrapped(caption: str, fits: Callable[[str], bool]) -> str:
    """The caption with each of its lines broken where it is too long, at a space if there is one.

    Args:
        caption: One or more lines.
        fits: Whether a piece of a line is not too wide.

    Returns:
        The caption in more lines: at most three of each, the last of which ends in an ellipsis where
        there was more.

    Example:
        >>> wrapped("Siberian husky 98%\\nis Pembroke_Welsh_corgi", lambda piece: len(piece) <= 15)
        'Siberian husky\\n98%\\nis\\nPembroke_Welsh_\\ncorgi'
    """
    return "\n".join(row for line in caption.split("\n") for row in _rows(line, fits))


def _rows(line: str, fits: Callable[[str], bool]) -> Iterator[str]:
    for _ in range(MOST_ROWS - 1):
        if fits(line):
            break
        end = _longest(line, fits)
        space = line.rfind(" ", 0, end + 1)
        end = space if space > 0 else end
        yield line[:end].rstrip()
        line = line[end:].lstrip()
    yield line if fits(line) else line[: _longest(line, lambda piece: fits(f"{piece}…"))] + "…"


def _longest(line: str, fits: Callable[[str], bool]) -> int:
    """Number of the first characters that fit, at least one."""
    return next((end for end in range(len(line), 1, -1) if fits(line[:end])), 1)
