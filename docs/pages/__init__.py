"""The pages of the site that are made from the code: networks, commands, reference.

A Sphinx extension. Each page is written into `docs/generated/` before Sphinx reads its sources.
"""

from pathlib import Path
from typing import Any

from . import commands, models, reference

PAGES = {
    "models.md": models.page,
    "models.csv": models.csv,
    "commands.md": commands.page,
    "reference.md": reference.page,
}


def write(folder: Path) -> None:
    """Writes every page into `folder`; what has not changed keeps its time, for Sphinx to skip it."""
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Has Sphinx write the pages first."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "generated"))
    return {"parallel_read_safe": True}
