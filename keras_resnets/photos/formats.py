"""The formats of photos that are read: how their files are called, how they begin, who decodes them."""

import importlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from keras_resnets._common.extras import missing_extra

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile


class Format(NamedTuple):
    """One format.

    Attributes:
        name: Name of the format, as people say it.
        suffixes: Suffixes of its files, in lower case.
        begins: A pattern for the first bytes of a file.
        plugin: Pillow's class that decodes it, `module:class`.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: bytes
    plugin: str

    def opener(self) -> "Callable[[BinaryIO], ImageFile]":
        """The class that opens such a file.

        It is asked for directly and not through `PIL.Image.open`, which warns of photos that are large
        and opens formats that are none of these.

        Raises:
            MissingExtra: For HEIC, where the `heif` extra is not installed.
        """
        module, name = self.plugin.split(":")
        try:
            opener: Callable[[BinaryIO], ImageFile] = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            raise missing_extra(error) or error from error
        return opener


_BRANDS = rb"(?s:....ftyp"  # of the ISO container that AVIF and HEIC share
FORMATS = (
    Format(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        rb"\xff\xd8\xff",
        "PIL.JpegImagePlugin:JpegImageFile",
    ),
    Format("PNG", (".png", ".apng"), rb"\x89PNG\r\n\x1a\n", "PIL.PngImagePlugin:PngImageFile"),
    Format("WebP", (".webp",), rb"(?s:RIFF....WEBP)", "PIL.WebPImagePlugin:WebPImageFile"),
    Format("GIF", (".gif",), rb"GIF8[79]a", "PIL.GifImagePlugin:GifImageFile"),
    Format("BMP", (".bmp", ".dib"), rb"BM", "PIL.BmpImagePlugin:BmpImageFile"),
    Format(
        "TIFF",
        (".tif", ".tiff"),
        rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+",
        "PIL.TiffImagePlugin:TiffImageFile",
    ),
    Format(
        "AVIF",
        (".avif",),
        _BRANDS + rb"(?:avi[fs]|(?:mif1|msf1)....(?:....){0,8}?avi[fs]))",
        "PIL.AvifImagePlugin:AvifImageFile",
    ),
    Format(
        "HEIC",
        (".heic", ".heif", ".hif"),
        _BRANDS + rb"(?:hei[cxms]|hev[cxms]|mif1|msf1))",
        "pillow_heif:HeifImageFile",
    ),
    Format(
        "PNM", (".ppm", ".pgm", ".pbm", ".pnm"), rb"P[1-6]\s", "PIL.PpmImagePlugin:PpmImageFile"
    ),
)


def format_of(content: bytes) -> Format | None:
    """The format of a file by its first bytes, or `None`.

    Example:
        >>> format_of(b"GIF89a").name
        'GIF'
    """
    return next((known for known in FORMATS if re.match(known.begins, content)), None)


def format_by_suffix(suffix: str) -> Format | None:
    """The format of files that are called so, or `None`.

    Example:
        >>> format_by_suffix(".JPG").name
        'JPEG'
    """
    return next((known for known in FORMATS if suffix.lower() in known.suffixes), None)
