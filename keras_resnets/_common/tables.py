"""Plain text tables, and numbers as people read them."""

import unicodedata
from collections.abc import Iterable, Sequence

from keras_resnets._common.console import on_one_line


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Aligned columns under a ruled heading.

    Args:
        header: Texts of the first row, one cell a column.
        rows: Texts of the further rows, as many cells each; what would break a line is escaped.
        left: Number of columns, from the first, that are aligned to the left; the others to the
            right.

    Example:
        >>> print(table(["file", "size"], [["a.tflite", "1.5 MB"]]))
        file        size
        --------  ------
        a.tflite  1.5 MB
    """
    lines = [[on_one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_columns, column)) for column in zip(*lines, strict=True)]
    aligned = [_line(cells, widths, left) for cells in lines]
    return "\n".join([aligned[0], "  ".join("-" * width for width in widths), *aligned[1:]])


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = []
    for index, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        space = " " * (width - _columns(cell))
        padded.append(cell + space if index < left else space + cell)
    return "  ".join(padded).rstrip()


def _columns(text: str) -> int:
    """Columns of a terminal that a text takes: two for a wide character, none for an accent on one."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def size(count: float) -> str:
    """A number of bytes for people.

    Example:
        >>> size(1_500_000)
        '1.5 MB'
    """
    units = ["B", "kB", "MB", "GB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return (
        f"{count:.0f} {units[0]}" if units[0] == "B" or count >= 100 else f"{count:.1f} {units[0]}"
    )
