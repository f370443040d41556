"""The images of a run, or one line that says why there are none."""

from pathlib import Path

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
