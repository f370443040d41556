"""Photos as files: which formats are read, and the pixels that every program of this package sees.

NumPy and Pillow alone, so that a phone's model predicts without Keras.
"""

from keras_resnets.photos.checking import checked_look, problem_of
from keras_resnets.photos.decoding import (
    MOST_PIXELS,
    Box,
    Header,
    Scaled,
    Source,
    open_photo,
    read_crop,
    read_header,
    read_image,
)
from keras_resnets.photos.duplicates import difference, near_duplicates
from keras_resnets.photos.formats import FORMATS, Format, format_by_suffix, format_of
from keras_resnets.photos.looking import Look, look_at

__all__ = [
    "FORMATS",
    "MOST_PIXELS",
    "Box",
    "Format",
    "Header",
    "Look",
    "Scaled",
    "Source",
    "checked_look",
    "difference",
    "format_by_suffix",
    "format_of",
    "look_at",
    "near_duplicates",
    "open_photo",
    "problem_of",
    "read_crop",
    "read_header",
    "read_image",
]
