"""What a folder of photos holds, looked at before anything is trained on it."""

from keras_resnets.check.examination import (
    Examination,
    examine,
    examine_folder,
    examined_before,
)
from keras_resnets.check.findings import Finding, Place
from keras_resnets.check.page import page
from keras_resnets.check.thumbnails import thumbnail

__all__ = [
    "Examination",
    "Finding",
    "Place",
    "examine",
    "examine_folder",
    "examined_before",
    "page",
    "thumbnail",
]
