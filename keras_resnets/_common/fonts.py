"""Fonts that have the characters of a text: Matplotlib draws squares for those that its own lacks.

Matplotlib is imported by the functions: a program that draws nothing does without.
"""

from collections.abc import Iterator
from pathlib import Path

OWN = "DejaVu Sans"  # comes with Matplotlib
# It draws a square with a number for every character that there is.
_SQUARES = "Last"


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


def _system_fonts() -> Iterator[str]:
    """The font files of this machine, upright sans-serif ones of regular weight first."""
    from matplotlib.font_manager import findSystemFonts

    def rank(path: str) -> tuple[bool, bool, str]:
        name = Path(path).stem
        return any(word in name for word in ("Bold", "Italic", "Oblique")), "Sans" not in name, path

    yield from sorted(findSystemFonts(), key=rank)


def _characters(path: str) -> tuple[str, set[str]]:
    """A font file's family and what it can draw: nothing where Matplotlib cannot read it."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
    except (RuntimeError, OSError):  # a file of another kind, or one of coloured pictures
        return "", set()
    drawn = font.scalable and not font.family_name.startswith(_SQUARES)
    return font.family_name, set(map(chr, font.get_charmap())) if drawn else set()
