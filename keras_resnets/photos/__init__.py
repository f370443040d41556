"""Photos as files: which formats are read, and the pixels that every program of this package sees.

NumPy and Pillow alone, so that a phone's model predicts without Keras.
"""

from keras_resnets.photos.checking import problem_of
from keras_resnets.photos.decoding import (
    MOST_PIXELS,
    Header,
    Source,
    open_photo,
    read_crop,
    read_header,
    read_image,
)
from keras_resnets.photos.formats import FORMATS, Format, format_by_suffix, format_of

__all__ = [
    "FORMATS",
    "MOST_PIXELS",
    "Format",
    "Header",
    "Source",
    "format_by_suffix",
    "format_of",
    "open_photo",
    "problem_of",
    "read_crop",
    "read_header",
    "read_image",
]
