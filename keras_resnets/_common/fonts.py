"""Fonts that have the characters of a text: Matplotlib draws squares for those that its own lacks.

Matplotlib is imported by the functions: a program that draws nothing does without.
"""

import functools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

OWN = "DejaVu Sans"  # comes with Matplotlib
# It draws a square with a number for every character that there is.
_SQUARES = "Last"
MOST_NAMED = 5  # classes in one warning


def font_families(text: str) -> tuple[list[str], str]:
    """Families that together have all characters of a text, as Matplotlib's `family` takes them.

    Args:
        text: Text in any script.

    Returns:
        The families in the order in which they are to be tried, Matplotlib's own first, and the
        characters that no font of this machine has, empty where all is well.

    Example:
        >>> font_families("søt hest")
        (['DejaVu Sans'], '')
    """
    from matplotlib.font_manager import findfont, fontManager

    missing = {character for character in text if not character.isspace()}
    missing -= _characters(findfont(OWN))[1]
    families = [OWN]
    for path in _system_fonts() if missing else ():
        family, characters = _characters(path)
        if not missing & characters:
            continue
        if path not in {font.fname for font in fontManager.ttflist}:
            fontManager.addfont(path)  # installed since Matplotlib made its list
        families.append(family)
        missing -= characters
        if not missing:
            break
    return families, "".join(sorted(missing))


def drawable_names(names: Sequence[str], numbers: Sequence[int] | None = None) -> tuple[str, ...]:
    """Names of classes as a picture can show them: `class 3` where no font has a character of one.

    What is replaced is told in one warning.

    Args:
        names: Names in any script.
        numbers: Numbers of the classes, their places by default.

    Example:
        >>> drawable_names(["cat", "élan"])
        ('cat', 'élan')
    """
    missing = set(font_families("".join(names))[1])
    if not missing:
        return tuple(names)
    numbered = {
        index: f"class {index if numbers is None else numbers[index]}"
        for index, name in enumerate(names)
        if missing & set(name)
    }
    warnings.warn(
        f"No font of this machine has the characters {''.join(sorted(missing))!r}: pictures say "
        f"{', '.join(map(repr, list(numbered.values())[:MOST_NAMED]))} for "
        f"{', '.join(repr(names[index]) for index in list(numbered)[:MOST_NAMED])}. Install one that "
        "does, such as Google's Noto fonts.",
        stacklevel=2,
    )
    return tuple(numbered.get(index, name) for index, name in enumerate(names))


def _system_fonts() -> Iterator[str]:
    """The font files of this machine, upright sans-serif ones of regular weight first."""
    from matplotlib.font_manager import findSystemFonts

    def rank(path: str) -> tuple[bool, bool, str]:
        name = Path(path).stem
        return any(word in name for word in ("Bold", "Italic", "Oblique")), "Sans" not in name, path

    yield from sorted(findSystemFonts(), key=rank)


@functools.cache
def _characters(path: str) -> tuple[str, set[str]]:
    """A font file's family and what it can draw: nothing where Matplotlib cannot read it."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (RuntimeError, OSError):  # a file of another kind, or one of coloured pictures
        return "", set()
    drawn = font.scalable and not font.family_name.startswith(_SQUARES)
    return font.family_name, set(map(chr, font.get_charmap())) if drawn else set()
