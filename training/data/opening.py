"""The images of a run, or one line that says why there are none."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from keras_resnets._common.console import on_one_line
from keras_resnets.data import ImageData, open_data, read_labels
from keras_resnets.errors import UserError

from ..config import Data


def check_there(source: Data) -> None:
    """Refuses a folder that is not there, and a file of labels that is none, before anything takes time.

    Raises:
        UserError: For those.
    """
    if source.folder is not None and not Path(source.folder).is_dir():
        open_checked(source)
    if source.labels is not None:
        read_labels(Path(source.labels))


def open_checked(source: Data, classes: int | None = None) -> ImageData:
    """Opens the images of a run.

    Args:
        source: Source of the images.
        classes: How many there must be, if that was said.

    Raises:
        UserError: Where they are not there, or of another number of classes.
    """
    try:
        data = open_data(**source.arguments())
    except (FileNotFoundError, ConnectionError, ImportError) as error:
        raise UserError(str(error)) from error
    found = len(data.class_names)
    if classes not in (None, found):
        raise UserError(
            f"Expected model.classes to be the {found} classes of {data.name}: "
            f"{', '.join(data.class_names[:10])}{', …' if found > 10 else ''}. "
            f"Received: classes={classes}. Leave it out."
        )
    return data


@contextlib.contextmanager
def photos_named(data: ImageData, again: str) -> Iterator[None]:
    """Says which photo it was where reading the images fails: one that went or changed meanwhile.

    Args:
        data: Images of the run, as they were opened.
        again: Command that goes on with the run.

    Raises:
        UserError: For such a photo. Where there is none, what failed passes as it is.
    """
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        changed = _changed_photo(data)
        if changed is None:
            raise
        raise UserError(
            f"Expected the photos that the run began with. Received: {on_one_line(changed)}. "
            f"Put it back, then: {again}. To do without it, add --data-changed."
        ) from error


def _changed_photo(data: ImageData) -> str | None:
    """The first photo that is not what it was, and what became of it."""
    for photo in (photo for photos in data.photos.values() for photo in photos):
        try:
            same = hashlib.sha256(Path(photo.path).read_bytes()).hexdigest() == photo.sha256
        except OSError as error:
            return f"{photo.path}: {error.strerror}"
        if not same:
            return f"{photo.path}, which was changed"
    return None
