"""Labelled images to train on and to evaluate with: a folder of photos, or a data set by name.

Both come as `ImageData`: three splits of (RGB image, label), class names, a fixed order.
"""

from keras_resnets.data._images import (
    ImageData,
    crop_image,
    decode_image,
    evaluation_batches,
    of_content,
)
from keras_resnets.data._labels import LabelFile, read_labels
from keras_resnets.data._pipelines import as_written, without_stalls
from keras_resnets.data._splitting import Photo
from keras_resnets.data._tree import LeftOut
from keras_resnets.errors import UserError

__all__ = [
    "ImageData",
    "LabelFile",
    "LeftOut",
    "Photo",
    "as_written",
    "classes_of",
    "crop_image",
    "decode_image",
    "evaluation_batches",
    "of_content",
    "open_data",
    "read_labels",
    "without_stalls",
]


def open_data(
    *,
    dataset: str | None = None,
    folder: str | None = None,
    labels: str | None = None,
    data_dir: str | None = None,
    everything: bool = False,
) -> ImageData:
    """Opens labelled images. Give either `dataset` or `folder`.

    A split that does not exist is made of the others: without validation, a tenth of the training
    split is taken for it; without test, the validation split serves as test too; without both,
    training keeps eight tenths and each of them gets one.

    Args:
        dataset: A name that TensorFlow Datasets knows, such as `"cifar10"`, or `"mnist_5k"`, which
            is built without a network. Downloaded and prepared where that was not done yet.
            What its validation or test split lacks is cut off the end of `train`.
        folder: A folder with one folder of photos a class (the formats of `keras_resnets.photos`), or
            such folders under `train`, `validation` and `test`, or as people call these: `Training`,
            `val`, `dev`, `testset`, `seg_test`. One folder around all is seen through. What lacks is
            chosen by each file's content, so that it stays as it was when photos are added; near
            duplicates share a split, and every class has a photo in each where it has enough. Every
            photo is decoded once to find the broken ones. Whatever is not used is counted in a
            warning and in `ImageData.left_out`.
        labels: A CSV file that says which classes the photos of `folder` have, in whatever folders they
            lie. Its column `file` has their paths from `folder`. A column `label` has the one class of
            each; a column `labels` any number of them, with `;` in between; without these two, each
            column is a class, 1 where it holds and 0 elsewhere. The column `split` says `train`,
            `validation` or `test` of each, where there is one. Photos that are not in it are left out.
        data_dir: Where TensorFlow Datasets keeps its files; `~/tensorflow_datasets` by default.
        everything: Whether a folder is opened to evaluate on: no split is made of another, a folder
            without splits is a test split as a whole, and one class, or the test split alone, is
            enough. A `dataset` has the splits that it has.

    Raises:
        UserError: For a name that is unknown, or a folder that is not as described.
        MissingFile: For a folder that does not exist.
        FileNotFoundError: For a data set whose files must be downloaded by hand.
        ConnectionError: For a data set whose servers cannot be reached, within 15 seconds.
        MissingExtra: Where the `data` extra is needed and not installed.

    Example:
        >>> import pathlib, tempfile, PIL.Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for color in ("red", "blue"):
        ...         pathlib.Path(folder, color).mkdir()
        ...         PIL.Image.new("RGB", (9, 9), color).save(f"{folder}/{color}/1.png")
        ...     data = open_data(folder=folder, everything=True)
        >>> data.class_names, data.sizes
        (('blue', 'red'), {'train': 0, 'validation': 0, 'test': 2})
    """
    if (dataset is None) == (folder is None):
        raise UserError(
            "Expected either `dataset` (a TensorFlow Datasets name) or `folder` (of photos). "
            f"Received: dataset={dataset!r}, folder={folder!r}"
        )
    if labels is not None and folder is None:
        raise UserError(
            "Expected `labels` only with `folder`: a data set by name has its own. "
            f"Received: dataset={dataset!r}, labels={labels!r}"
        )
    if folder is not None:
        if data_dir is not None:
            raise UserError(
                "Expected `data_dir` only with `dataset`: a folder of photos is read in place. "
                f"Received: folder={folder!r}, data_dir={data_dir!r}"
            )
        from keras_resnets.data._folder import open_folder

        return open_folder(folder, labels=labels, everything=everything)
    from keras_resnets.data._named import open_named

    assert dataset is not None
    return open_named(dataset, data_dir)


def classes_of(
    *,
    dataset: str | None = None,
    folder: str | None = None,
    labels: str | None = None,
    data_dir: str | None = None,
) -> tuple[tuple[str, ...], bool]:
    """The classes of images that `open_data` would open, before an image is read or downloaded.

    Args:
        dataset: See `open_data`; this and the others are as there.
        folder: A folder of photos.
        labels: A CSV file of their labels.
        data_dir: Folder of the data sets by name.

    Returns:
        The names in the order of the labels, and whether an image has any number of them.

    Raises:
        UserError: For what `open_data` refuses before it reads an image.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     labels = pathlib.Path(folder, "labels.csv")
        ...     _ = labels.write_text("file,label\\n1.png,cat\\n2.png,dog\\n")
        ...     classes_of(folder=folder, labels=str(labels))
        (('cat', 'dog'), False)
    """
    if labels is not None:
        from pathlib import Path

        found = read_labels(Path(labels))
        return found.class_names, found.multi_label
    if folder is not None:
        from keras_resnets.data._folder import class_names_of_folder

        return class_names_of_folder(folder), False
    from keras_resnets.data._named import class_names_of_named

    assert dataset is not None
    return class_names_of_named(dataset, data_dir), False
