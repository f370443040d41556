"""What a photo looks like at a glance: enough to find its copies, and to see whether it is blurred."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from keras_resnets.photos.decoding import open_reduced

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 128  # pixels of the shorter side that are enough
THUMBNAIL = 8  # pixels of each side
BLANK = 3.0  # contrast below which a photo is blank
BLURRED = 0.1  # sharpness below which a photo is blurred


class Look(NamedTuple):
    """A glance at a photo, upright.

    Attributes:
        height: Height of the whole photo in pixels.
        width: Width of the whole photo in pixels.
        format: Pillow's name of its format, such as `"JPEG"`.
        hash: Perceptual hash of 64 bits, by ImageHash's `phash`: copies differ in few bits.
        mirrored: The hash of the mirror image.
        thumbnail: 8x8 RGB pixels, row by row.
        contrast: The largest standard deviation of a channel of the thumbnail, of 255.
        sharpness: How steeply brightness bends at the photo's sharpest spots, as a share of its range
            from dark to bright, in the less sharp direction of the two. It is 0.2 and more in sharp
            photos, below 0.1 in those that look blurred at 224x224 pixels.
    """

    height: int
    width: int
    format: str
    hash: int
    mirrored: int
    thumbnail: bytes
    contrast: float
    sharpness: float

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to see."""
        return self.contrast < BLANK

    @property
    def is_blurred(self) -> bool:
        """Whether there is something to see, but not sharply."""
        return self.sharpness < BLURRED and not self.is_blank


def look_at(content: bytes) -> Look:
    """Decodes a photo, a large one at a part of its size, and looks at it.

    Args:
        content: Content of the file.

    Raises:
        UserError: As `read_image` does.

    Example:
        >>> import io, PIL.Image
        >>> file = io.BytesIO()
        >>> PIL.Image.new("RGB", (30, 20), "red").save(file, "PNG")
        >>> look = look_at(file.getvalue())
        >>> look.height, look.width, look.format, look.is_blank
        (20, 30, 'PNG', True)
    """
    from PIL import Image

    photo, header = open_reduced(content, SIDE)
    thumbnail = photo.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    grey = photo.convert("L")
    return Look(
        header.height,
        header.width,
        header.format,
        _hash(grey),
        _hash(grey.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        thumbnail.tobytes(),
        float(np.asarray(thumbnail).std((0, 1)).max()),
        _sharpness(np.asarray(grey)),
    )


def _hash(grey: "Image") -> int:
    import imagehash

    return int.from_bytes(np.packbits(imagehash.phash(grey).hash).tobytes(), "big")


def _sharpness(grey: np.ndarray) -> float:
    """The 99th percentile of second differences, over the range that 98 % of the pixels have."""
    if min(grey.shape) < 3:
        return 1.0  # too small to tell
    values = grey.astype(np.int16)
    down = np.abs(2 * values[1:-1] - values[:-2] - values[2:])
    across = np.abs(2 * values[:, 1:-1] - values[:, :-2] - values[:, 2:])
    dark, bright = _percentile(values, 0.01), _percentile(values, 0.99)
    return min(_percentile(down, 0.99), _percentile(across, 0.99)) / (bright - dark + 1)


def _percentile(values: np.ndarray, share: float) -> int:
    """Of small whole numbers, by counting them."""
    below = np.cumsum(np.bincount(values.ravel()))
    return int(np.searchsorted(below, share * below[-1]))
