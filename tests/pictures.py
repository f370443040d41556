"""Pictures to test with, and files of them."""

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image


def picture(seed: int, height: int = 24, width: int = 30) -> Image.Image:
    """Smooth blobs with some grain, another for each seed: what a photo looks like to a resizer."""
    random = np.random.default_rng(seed)
    blobs = Image.fromarray(random.integers(0, 256, (6, 7, 3), dtype="uint8"))
    smooth = np.asarray(blobs.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    grain = random.integers(-8, 9, smooth.shape)
    return Image.fromarray((smooth + grain).clip(0, 255).astype("uint8"))


def scene(seed: int, height: int = 180, width: int = 240) -> Image.Image:
    """Blobs of all sizes, the larger the stronger, as in photos of the world: its copies are found."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for octave in range(1, 8):
        blobs = Image.fromarray(random.integers(0, 256, (2**octave, 2**octave, 3), dtype="uint8"))
        layer = np.asarray(blobs.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
        total += (layer - 127.5) / 2 ** (octave / 2)
    return Image.fromarray((total * 55 / total.std() + 127.5).clip(0, 255).astype("uint8"))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The content of a file of that kind."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def turned_by(orientation: int) -> Image.Exif:
    """An EXIF block that says how the stored pixels are to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def as_camera_stores(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The stored pixels of which EXIF's definition makes `upright`."""
    # The definition says on which side the stored first row and first column are to be shown.
    row_side = ("", "top", "top", "bottom", "bottom", "left", "right", "right", "left")[orientation]
    column_side = ("", "left", "right", "right", "left", "top", "top", "bottom", "bottom")[
        orientation
    ]
    stored = upright.transpose(1, 0, 2) if row_side in ("left", "right") else upright
    stored = stored[::-1] if row_side in ("bottom", "right") else stored
    return stored[:, ::-1] if column_side in ("right", "bottom") else stored


def png(header: bytes, rows: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG by hand: IHDR, further chunks, the pixels."""
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )


def deep_png(values: np.ndarray) -> bytes:
    """`(H, W, 3 or 4)` of 16 bits."""
    height, width, channels = values.shape
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header += bytes([16, {3: 2, 4: 6}[channels], 0, 0, 0])
    return png(header, b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))
