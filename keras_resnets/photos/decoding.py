"""From a photo's file to upright RGB pixels, by one decoder for all programs."""

import contextlib
import io
import os
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_resnets.errors import UserError
from keras_resnets.photos.formats import FORMATS, format_of
from keras_resnets.photos.png import png_chunks, problem_of_png

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

Source = str | os.PathLike[str] | bytes
Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels

# At Pillow's 4 bytes a pixel a quarter of a gigabyte, and three times that while it is converted.
MOST_PIXELS = 2**26
STRIP = 256  # rows that are converted at a time
LARGE = 2**25  # pixels; photos beyond are decoded one at a time, whatever number of threads asks
_one_large_photo = threading.Lock()
_ORIENTATION = 0x0112  # the EXIF tag
_COLOURS = frozenset(  # Pillow's modes of 8 bits that it knows how to show
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr"}
)


class Header(NamedTuple):
    """What a photo's header tells.

    Attributes:
        height: Height in pixels, upright.
        width: Width in pixels, upright.
        orientation: EXIF's, 1 to 8: how the stored pixels are turned.
        format: Pillow's name of it, such as `"JPEG"`.
        mode: Pillow's name for the kind of pixels, such as `"RGB"`.
    """

    height: int
    width: int
    orientation: int
    format: str
    mode: str


class Scaled(NamedTuple):
    """An upright photo, decoded whole or at a part of its size.

    Attributes:
        image: An image of Pillow in mode `"RGB"`.
        box: What the photo takes of it: less than all where its sides are no multiples of the scale,
            so that the last pixels of a side are half outside.
        header: The header of the whole photo.
    """

    image: "Image"
    box: Box
    header: Header


def read_image(source: Source) -> np.ndarray:
    """Decodes a photo to upright RGB.

    - The EXIF orientation is obeyed (JPEG, PNG, WebP, TIFF, AVIF; HEIC turns by itself).
    - What is transparent lies on white.
    - The first frame of an animation is taken.
    - 16 bits are brought to 8 by the brightest value: data of 8, 10, 12 or 14 bits in a 16-bit file
      fills the range as data of 16 bits does.
    - Colour profiles are not applied.
    - A JPEG of more than `MOST_PIXELS` is decoded at a half, a quarter or an eighth of its size.

    Args:
        source: A path, or the file's content.

    Returns:
        The photo, `(H, W, 3)` uint8.

    Raises:
        UserError: Where the content is no photo that can be decoded, or one of more than `MOST_PIXELS`.
        FileNotFoundError: Where there is no such file.
        MissingExtra: For HEIC, where the `heif` extra is not installed.

    Example:
        >>> import io, PIL.Image
        >>> file = io.BytesIO()
        >>> PIL.Image.new("RGB", (30, 20), "red").save(file, "PNG")
        >>> read_image(file.getvalue()).shape
        (20, 30, 3)
    """
    return np.asarray(open_photo(source).image)


def open_photo(source: Source, least: int | None = None, *, checked: bool = False) -> Scaled:
    """`read_image` as an image of Pillow.

    Args:
        source: A path, or the file's content.
        least: Pixels of the shorter side that are enough, or `None` for all: a JPEG is decoded at a
            half, a quarter or an eighth of its size where that leaves as many, in less time.
        checked: Whether `problem_of` found nothing before. What Pillow pardons of a damaged PNG, which
            takes as long to find as to decode it, is then not looked for.

    Raises:
        UserError: As `read_image` does.
    """
    name, content = _content(source)
    sized = _sized(name, content, least)
    if not checked and sized.image.format == "PNG" and (problem := problem_of_png(content)):
        raise _unreadable(name, problem)
    return _upright(name, content, sized)


def read_header(source: Source) -> Header:
    """The sides of a photo, and how it is stored, without decoding it.

    Args:
        source: A path, or the file's content.

    Raises:
        UserError: As `read_image` does, where the header is enough to tell.
    """
    name, content = _content(source)
    return _header(_opened(name, content), content)


def _header(image: "ImageFile", content: bytes) -> Header:
    orientation = _orientation(image)
    if image.format == "PNG" and orientation == 1:  # Pillow has not read what follows the pixels
        orientation = next(
            (_exif_orientation(part.data) for part in png_chunks(content) if part.kind == b"eXIf"),
            1,
        )
    width, height = image.size
    sides = (width, height) if orientation > 4 else (height, width)
    return Header(*sides, orientation, image.format or "", image.mode)


def read_crop(source: Source, window: tuple[int, int, int, int], size: int) -> np.ndarray:
    """A rectangle of a photo that was checked before, resized to a square.

    Args:
        source: A path, or the file's content.
        window: Top, left, height and width, within the upright photo.
        size: Side of the square in pixels.

    Returns:
        `(size, size, 3)` uint8, bilinear and antialiased.
    """
    from PIL import Image

    photo = open_photo(source, checked=True)
    left, top, right, bottom = photo.box
    across, down = (right - left) / photo.header.width, (bottom - top) / photo.header.height
    row, column, height, width = window
    left, top = left + column * across, top + row * down
    box = (left, top, left + width * across, top + height * down)
    return np.asarray(photo.image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def open_reduced(source: Source, least: int) -> tuple["Image", Header]:
    """A photo that was checked before, with no more pixels than are wanted.

    A JPEG is decoded at a part of its size.

    Args:
        source: A path, or the file's content.
        least: Pixels of the shorter side that are enough. The photo has from that to twice as many,
            or all where there are fewer.

    Returns:
        The smaller photo, and the header of the whole one.

    Raises:
        UserError: As `read_image` does, but for a PNG that Pillow pardons.
    """
    photo = open_photo(source, least, checked=True)
    factor = min(photo.image.size) // least
    return photo.image.reduce(factor) if factor > 1 else photo.image, photo.header


def _content(source: Source) -> tuple[str, bytes]:
    """A name for messages, empty where there is none, and the bytes."""
    if isinstance(source, bytes):
        return "", source
    name = os.fsencode(os.fspath(source)).decode("utf-8", "backslashreplace")
    kind = Path(source).stat().st_mode  # to open a pipe would wait for who writes to it
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise UserError(
            f"Expected a photo. Received: {name}, which is no file but a pipe or device."
        )
    return name, Path(source).read_bytes()


@contextlib.contextmanager
def _decoders_errors(name: str) -> Iterator[None]:
    """What Pillow's decoders raise, as the user's error: whatever broken bytes lead them to."""
    try:
        yield
    except Exception as error:
        raise _unreadable(name, str(error) or repr(error)) from error


def _unreadable(name: str, reason: str) -> UserError:
    what = f"{name}: {reason}" if name else reason
    return UserError(f"Expected a photo that can be decoded. Received: {what}")


def _opened(name: str, content: bytes) -> "ImageFile":
    """The header is read, the pixels are not."""
    found = format_of(content[:64])
    if found is None:
        known = ", ".join(known.name for known in FORMATS)
        raise _unreadable(name, f"none of {known}" if content else "an empty file")
    opener = found.opener()
    with _decoders_errors(name):
        return opener(io.BytesIO(content))


class _Sized(NamedTuple):
    """A file of which the header is read, and how much of its photo is to be decoded."""

    image: "ImageFile"
    box: Box
    header: Header


def _sized(name: str, content: bytes, least: int | None = None) -> _Sized:
    """Opened, and neither too large to be decoded nor about to be decoded larger than it may be."""
    image = _opened(name, content)
    header = _header(image, content)
    return _Sized(image, _scale_down(name, image, content, least), header)


def _upright(name: str, content: bytes, sized: _Sized) -> Scaled:
    image, box, header = sized
    with _alone_if_large(image):
        _load(name, image)
        upright = _turned(_rgb(name, image, content), header.orientation)
    return Scaled(upright, _turned_box(box, upright.size, header.orientation), header)


def _load(name: str, image: "ImageFile") -> None:
    with _decoders_errors(name):
        image.load()


def _scale_down(name: str, image: "ImageFile", content: bytes, least: int | None) -> Box:
    """Refuses what would take too much memory, and has a large JPEG decoded at a part of its size.

    Where `least` pixels of the shorter side are enough, any JPEG.
    """
    width, height = image.size
    pixels, most = width * height, MOST_PIXELS
    if image.format == "JPEG" and "progressive" not in image.info:
        # Each block of 8 x 8 grey pixels takes two codes of at least a bit.
        if 8 * len(content) < 2 * (width // 8) * (height // 8):
            raise _unreadable(
                name, f"{len(content):,} bytes cannot hold a JPEG of {width} x {height} pixels"
            )
        scale = next((scale for scale in (1, 2, 4, 8) if pixels <= most * scale**2), 8)
    else:
        # A progressive JPEG holds all its coefficients, 6 bytes a pixel, whatever comes out.
        scale = 2 if image.format == "JPEG" and 2 * pixels > most else 1
        if pixels > most:
            raise UserError(
                f"Expected a photo of at most {MOST_PIXELS:,} pixels; only a baseline JPEG may have "
                f"more. Received: {name or 'one'} of {width} x {height}. Make it smaller."
            )
    if least is not None and image.format == "JPEG":
        scales = (scale for scale in (8, 4, 2) if min(width, height) >= scale * least)
        scale = max(scale, next(scales, 1))
    if scale > 1:
        image.draft(None, (width // scale, height // scale))
    return 0, 0, width / scale, height / scale


@contextlib.contextmanager
def _alone_if_large(image: "ImageFile") -> Iterator[None]:
    with _one_large_photo if image.width * image.height > LARGE else contextlib.nullcontext():
        yield


def _rgb(name: str, image: "ImageFile", content: bytes) -> "Image":
    """RGB of 8 bits, on white."""
    from PIL import Image

    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(name, np.asarray(image))).convert("RGB")
    if image.mode == "P" and image.palette is None:
        raise _unreadable(name, "no palette")
    if image.mode not in _COLOURS:
        raise _unreadable(name, f"pixels of the kind {image.mode}; 8 or 16 bits a channel are read")
    if image.format != "PNG" or content[24] != 16:
        return _on_white(image)
    image.info.pop("transparency", None)  # a colour of 16 bits, which Pillow cannot compare
    low = _low_bytes(name, image, content)
    if low is None:
        return _on_white(image)
    values = np.asarray(image).astype("uint16") << 8 | np.asarray(low)
    flat = Image.fromarray(_eight_bits(name, values[..., :3]))
    if image.mode == "RGBA":
        flat.putalpha(image.getchannel("A"))
    return _on_white(flat)


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    canvas = Image.new("RGB", image.size, "white")
    for top in range(0, image.height, STRIP):
        strip = image.crop((0, top, image.width, min(top + STRIP, image.height))).convert("RGBA")
        canvas.paste(strip, (0, top), mask=strip)
    return canvas


def _eight_bits(name: str, values: np.ndarray) -> np.ndarray:
    """Whole numbers of 16 bits to bytes, by the number of bits that the brightest needs."""
    brightest = int(values.max())
    bits = max(8, brightest.bit_length() + brightest.bit_length() % 2)
    if bits > 16 or values.min() < 0:
        raise _unreadable(name, f"pixels of {bits} bits or below zero; 8 or 16 bits are read")
    return (values >> (bits - 8)).astype("uint8")


def _low_bytes(name: str, image: "ImageFile", content: bytes) -> "Image | None":
    """The low bytes of a PNG of 16 bits a colour, where they matter: of which Pillow has the high ones.

    Pillow has no mode for such pixels; told that they begin with their low byte, it takes the other.
    """
    colour = {2: "RGB", 6: "RGBA"}.get(content[25])
    if colour is None or np.asarray(image)[..., :3].max() >= 64:
        return None
    again = _opened(name, content)
    again.tile = [tile._replace(args=f"{colour};16L") for tile in again.tile]
    _load(name, again)
    return again


def _orientation(image: "ImageFile") -> int:
    # Pillow turns a TIFF, and pillow-heif a HEIC, when it is loaded; a TIFF's size is turned before.
    return 1 if image.format == "TIFF" else _exif_orientation(image.info.get("exif") or b"")


def _exif_orientation(exif: bytes) -> int:
    """The orientation in an EXIF block, which is a TIFF's first directory; 1 where it is broken."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    with contextlib.suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}4xI", tiff)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
            if tag == _ORIENTATION and kind in (3, 4):  # 16 or 32 bits
                number = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", tiff, entry + 8)[
                    0
                ]
                return int(number) if 1 <= number <= 8 else 1
    return 1


def _turned_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Where a box with a corner at 0, 0 lies when its image is turned to be upright, of `size`."""
    _, _, right, bottom = box
    if orientation > 4:
        right, bottom = bottom, right
    left = size[0] - right if orientation in (2, 3, 6, 7) else 0
    top = size[1] - bottom if orientation in (3, 4, 7, 8) else 0
    return left, top, left + right, top + bottom


def _turned(image: "Image", orientation: int) -> "Image":
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image
