"""The chunks of a PNG, for what Pillow does not tell of it."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by the colour type
# Adam7's passes: first column, first row, steps between columns and between rows.
PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)),
    (0, 1, 1, 2),
)


class Chunk(NamedTuple):
    """A part of a PNG.

    Attributes:
        kind: Its four letters.
        data: The bytes that it holds.
        checksum: Checksum of both, as the file has it.
    """

    kind: bytes
    data: bytes
    checksum: int

    @property
    def is_intact(self) -> bool:
        """Whether the checksum is right."""
        return zlib.crc32(self.data, zlib.crc32(self.kind)) == self.checksum


def png_chunks(content: bytes) -> Iterator[Chunk]:
    """The chunks of a PNG, up to the end or to where the file is cut."""
    position = len(SIGNATURE)
    while position + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, position)
        end = position + 8 + length
        if end + 4 > len(content):
            return
        yield Chunk(kind, content[position + 8 : end], *struct.unpack_from(">I", content, end))
        position = end + 4


def problem_of_png(content: bytes) -> str | None:
    """Why a strict decoder, a browser's or a phone's, refuses a PNG that Pillow may pardon."""
    chunks = list(png_chunks(content))
    kinds = [chunk.kind for chunk in chunks]
    if b"IEND" not in kinds:
        return "the file is cut short"
    broken = [chunk.kind for chunk in chunks if not chunk.is_intact]
    if broken:
        return f"a wrong checksum of the chunk {_name(broken[0])}"
    if kinds.count(b"IHDR") != 1 or kinds[0] != b"IHDR":
        return "not exactly one header"
    # A critical chunk's name begins with a capital letter.
    unknown = [kind for kind in kinds if kind[:1].isupper() and kind not in CRITICAL]
    if unknown:
        return f"an unknown critical chunk {_name(unknown[0])}"
    header = chunks[0].data
    if len(header) != 13 or header[9] not in CHANNELS:
        return "a broken header"
    if header[9] == 3 and b"PLTE" not in kinds:
        return "no palette"
    return _problem_of_pixels(header, [chunk.data for chunk in chunks if chunk.kind == b"IDAT"])


def _name(kind: bytes) -> str:
    return kind.decode("ascii", "backslashreplace")


def _problem_of_pixels(header: bytes, parts: list[bytes]) -> str | None:
    inflating, inflated = zlib.decompressobj(), 0
    expected = _inflated_size(header)
    for data in parts:
        while data and inflated <= expected:
            try:
                inflated += len(inflating.decompress(data, 2**20))
            except zlib.error as error:
                return str(error)
            data = inflating.unconsumed_tail
    if inflated < expected:
        return f"pixels for {inflated:,} of {expected:,} bytes"
    return None


def _inflated_size(header: bytes) -> int:
    """Bytes of all rows, each with the number of its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    bits = depth * CHANNELS[colour]

    def rows(columns: int, count: int) -> int:
        return count * (1 + (columns * bits + 7) // 8) if columns else 0

    if not interlaced:
        return rows(width, height)
    return sum(
        rows(-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in PASSES
        if width > left and height > top
    )
