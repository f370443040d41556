"""What the examination of a run's photos found: said at its start, kept in its folder."""

from pathlib import Path

from keras_resnets._common.console import command_line
from keras_resnets._common.files import write_text
from keras_resnets.check import examine, examined_before
from keras_resnets.data import ImageData

from ..config import Data


def look_first(data: ImageData, source: Data, kept: Path) -> list[str]:
    """Examines the photos, once for all that a run is continued.

    Args:
        data: The images of the run.
        source: Source of the images.
        kept: The file of the run folder that keeps what was found.

    Returns:
        The worst in a few lines; none where there is nothing to say, or it was said before.
    """
    if source.folder is None or examined_before(kept, data):
        return []
    found = examine(data, source.arguments()["folder"])
    write_text(kept, found.to_json())
    lines = found.short()
    if lines:
        labels = () if source.labels is None else ("--labels", source.labels)
        lines.append(f"Look at these: {command_line('check', source.folder, *labels)}")
    return lines
