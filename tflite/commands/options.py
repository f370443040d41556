"""Options that several commands have."""

import argparse

from keras_resnets._common.options import positive


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """The images: those that the model's card names, or others."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--data", metavar="FOLDER", help="photos, one folder a class")
    group.add_argument("--dataset", metavar="NAME", help="a TensorFlow Datasets name")
    parser.add_argument("--data-dir", metavar="DIR", help="where TensorFlow Datasets keeps files")
    parser.add_argument(
        "--split", default="test", choices=("train", "validation", "test"), help="%(default)s"
    )
    parser.add_argument(
        "--images", type=positive, metavar="N", help="verify on about N images only, not on all"
    )


def named_data(arguments: argparse.Namespace) -> dict[str, str]:
    """The arguments of `keras_resnets.data.open_data` that the user gave."""
    given = {
        "folder": arguments.data,
        "dataset": arguments.dataset,
        "data_dir": arguments.data_dir,
    }
    return {name: value for name, value in given.items() if value is not None}
