"""A data set that TensorFlow Datasets (TFDS) knows by name."""

import contextlib
import difflib
import hashlib
import json
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from keras_resnets._common.console import silent_output
from keras_resnets._common.extras import missing_extra
from keras_resnets.data._images import ImageData
from keras_resnets.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

# Their test splits are published without labels; TFDS sets all of these to -1.
UNLABELLED_TEST = frozenset({"imagenet2012", "i_naturalist2017", "i_naturalist2018"})
PATIENCE = 8.0  # seconds in which one of a data set's servers must answer
RETRIES = 4  # of TFDS, whose waits between them sum up to 3 seconds; its own 10 take 205


def open_named(dataset: str, data_dir: str | None) -> ImageData:
    """`keras_resnets.data.open_data(dataset=...)`."""
    builder = _builder(dataset, data_dir)
    # What builder.is_prepared() looks for; that logs a warning for each data set that is not.
    if not (builder.data_path / "dataset_info.json").exists():
        _prepare(builder)
    info = builder.info
    image_key, label_key = _keys(builder)
    splits = _splits(builder.name, {name: info.splits[name].num_examples for name in info.splits})

    def source(split: str, *, shuffle_files: bool) -> "tf.data.Dataset":
        import tensorflow as tf
        import tensorflow_datasets as tfds

        examples = builder.as_dataset(
            split=splits[split],
            shuffle_files=shuffle_files,
            decoders={image_key: tfds.decode.SkipDecoding()},
            # Its cache complains of every epoch that is not read to the end.
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        return examples.map(
            lambda example: (example[image_key], tf.cast(example[label_key], tf.int64)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )

    class_names = tuple(info.features[label_key].names)
    return ImageData(
        name=dataset,
        class_names=class_names,
        sizes={
            name: info.splits[split].num_examples if split else 0 for name, split in splits.items()
        },
        source=source,
        origins={name: split or "not there" for name, split in splits.items()},
        test_is_validation=splits["test"] == splits["validation"],
        digest=_digest(info, class_names, splits),
    )


def class_names_of_named(dataset: str, data_dir: str | None) -> tuple[str, ...]:
    """The classes of a data set, which need not be prepared."""
    builder = _builder(dataset, data_dir)
    return tuple(builder.info.features[_keys(builder)[1]].names)


def _digest(info: Any, class_names: tuple[str, ...], splits: Mapping[str, str | None]) -> str:
    """Of the version and of how many bytes each split holds: TFDS keeps no hash of the images."""
    sizes = {name: info.splits[name].num_bytes for name in sorted(info.splits)}
    what = [info.full_name, class_names, sizes, splits]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()


def _builder(dataset: str, data_dir: str | None) -> Any:
    """The TFDS builder; the error for an unknown name says what is near it."""
    try:
        import tensorflow_datasets as tfds

        import keras_resnets.datasets.mnist_5k  # noqa: F401  registers itself
    except ModuleNotFoundError as error:
        raise missing_extra(error, "data") or error from error
    try:
        return tfds.builder(dataset, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        near = difflib.get_close_matches(
            dataset, tfds.list_builders(with_community_datasets=False), n=5
        )
        hint = (
            f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else ("`tfds.list_builders()` lists the names.")
        )
        raise UserError(
            f"Expected the name of a TensorFlow data set. Received: dataset={dataset!r}. {hint} "
            "Your own photos are opened with `folder`."
        ) from None


def _prepare(builder: Any) -> None:
    """Downloads a data set and writes its TFRecords, or says soon why that cannot be."""
    import requests
    import tensorflow as tf
    import tensorflow_datasets as tfds

    downloads = builder.data_dir_root / "downloads"
    if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        _check_servers(builder, downloads)
    try:
        with _few_retries(), _progress_on_a_terminal():
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(try_download_gcs=False)
            )
    except requests.exceptions.ConnectionError as error:
        raise ConnectionError(_unreachable(builder, str(error))) from error
    except (AssertionError, FileNotFoundError, tf.errors.NotFoundError) as error:
        if not builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
            raise
        instructions = " ".join(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split())
        raise FileNotFoundError(
            f"Expected the files of {builder.name} in {downloads / 'manual'}: its licence has them "
            "downloaded by hand. Received: some or all are not there. What TFDS says of them: "
            f"{instructions} Put them there as they are, unpacked only where that is asked for, "
            "and run the same command again."
        ) from error


def _check_servers(builder: Any, downloads: Path) -> None:
    """Refuses where none of the servers answers.

    One that does is enough: the lists of TFDS also name files of older versions. And where a
    listed file is on the disk already, a network may not be needed.
    """
    files: Mapping[str, Any] = builder.url_infos or {}
    servers = {urlsplit(url)[:2]: url for url in files if urlsplit(url).scheme.startswith("http")}
    if not servers or any(_downloaded(url, info, downloads) for url, info in files.items()):
        return
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        import requests

        try:
            # Any answer will do. `requests` knows of the proxies that the download will use.
            requests.head(url, timeout=PATIENCE)
            answers.put(True)
        except requests.exceptions.RequestException:
            answers.put(False)

    for url in servers.values():
        # A name server may keep a look-up waiting beyond any timeout: a daemon can be left alone.
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    until = time.monotonic() + PATIENCE
    with contextlib.suppress(queue.Empty):
        for _ in servers:
            if answers.get(timeout=max(0.0, until - time.monotonic())):
                return
    names = ", ".join(sorted(server for _, server in servers))
    raise ConnectionError(_unreachable(builder, f"no answer from {names}"))


def _downloaded(url: str, info: Any, downloads: Path) -> bool:
    from tensorflow_datasets.core.download.resource import get_dl_fname

    return (downloads / get_dl_fname(url, info.checksum)).exists() or bool(
        info.filename and (downloads / "manual" / info.filename).exists()
    )


@contextlib.contextmanager
def _progress_on_a_terminal() -> Iterator[None]:
    """TFDS's bars where someone sees them, and nothing of what it prints besides."""
    import tensorflow_datasets as tfds

    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    try:
        with silent_output():
            yield
    finally:
        tfds.enable_progress_bar()


@contextlib.contextmanager
def _few_retries() -> Iterator[None]:
    """Limits TFDS's retries, for which it has no setting."""
    from tensorflow_datasets.core.download import downloader

    before = downloader.MAX_RETRIES
    downloader.MAX_RETRIES = RETRIES
    try:
        yield
    finally:
        downloader.MAX_RETRIES = before


def _unreachable(builder: Any, reason: str) -> str:
    return (
        f"Expected to download {builder.name} into {builder.data_dir_root}. Received: {reason}. "
        "Check the network (HTTPS_PROXY is respected); or copy "
        f"{builder.data_dir} from a machine where it was prepared; or use what needs no network: "
        "dataset='mnist_5k', or a folder of photos."
    )


def _keys(builder: Any) -> tuple[str, str]:
    """The features that hold the image and its class."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    images = [key for key in features if isinstance(features[key], tfds.features.Image)]
    labels = [key for key in features if isinstance(features[key], tfds.features.ClassLabel)]
    supervised = builder.info.supervised_keys
    if supervised and supervised[0] in images and supervised[1] in labels:
        return supervised[0], supervised[1]
    if len(images) == len(labels) == 1:
        return images[0], labels[0]
    raise UserError(
        f"Expected a data set of images that have one class each. Received: {builder.name} with "
        f"the images {images}, the classes {labels}, all features {sorted(features)}"
    )


def _splits(name: str, sizes: Mapping[str, int]) -> dict[str, str | None]:
    """Which part of the data set each split is, by the rule of `open_data`."""
    given = {split for split in sizes if sizes[split]}
    if name in UNLABELLED_TEST:
        given.discard("test")
    train: str | None = "train" if "train" in given else None
    validation: str | None = "validation" if "validation" in given else None
    test: str | None = "test" if "test" in given else None
    if train and not validation:
        train, validation = "train[:90%]", "train[90%:]"
        if not test:
            train, validation, test = "train[:80%]", "train[80%:90%]", "train[90%:]"
    validation, test = validation or test, test or validation
    if not validation:
        raise UserError(
            f"Expected a data set with train, validation or test. Received: {name} with "
            f"{sorted(sizes)}"
        )
    return {"train": train, "validation": validation, "test": test}
