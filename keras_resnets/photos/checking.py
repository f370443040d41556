"""Whether a photo's file can be used, found out before hours of training depend on it."""

from keras_resnets.errors import MissingExtra, UserError
from keras_resnets.photos.formats import format_of
from keras_resnets.photos.looking import Look, look_at
from keras_resnets.photos.png import problem_of_png


def problem_of(content: bytes) -> str | None:
    """Why a file's content is no photo that can be used, in a few words; `None` where it is one.

    Args:
        content: Content of the whole file.

    Example:
        >>> problem_of(b"Dear diary")
        'not an image'
    """
    found = checked_look(content)
    return found if isinstance(found, str) else None


def checked_look(content: bytes) -> Look | str:
    """A glance at a photo, or why its file cannot be used.

    Args:
        content: Content of the whole file.

    Example:
        >>> checked_look(b"")
        'an empty file'
    """
    found = format_of(content[:64])
    if found is None:
        return "not an image" if content else "an empty file"
    if found.name == "PNG" and (problem := problem_of_png(content)):
        return problem
    try:
        return look_at(content)
    except MissingExtra as error:
        return str(error)
    except UserError as error:
        return str(error).rpartition("Received: ")[2]
