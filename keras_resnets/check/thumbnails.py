"""Photos as pictures so small that a page holds many of them."""

import base64
import io
from pathlib import Path

from keras_resnets.photos.decoding import open_reduced

SIDE = 112  # pixels of a picture's height


def thumbnail(photo: Path) -> str:
    """A photo as a small JPEG within a `data:` URI, 112 pixels high and at most three times as wide.

    Args:
        photo: Path of the photo.

    Raises:
        UserError: Where it cannot be decoded.
        OSError: Where it is not there or cannot be read.
    """
    picture, _ = open_reduced(photo, SIDE)
    picture.thumbnail((3 * SIDE, SIDE))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
