"""One page of pictures: what an examination found, to be looked at in a browser."""

import html
from collections.abc import Iterable
from pathlib import Path

from keras_resnets.check.examination import Examination
from keras_resnets.check.findings import Finding, Place
from keras_resnets.check.thumbnails import thumbnail

MOST_GROUPS = 24  # shown of a finding
MOST_PHOTOS = 8  # shown of a group
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 76em; color: #222 }
h2 { margin: 1.6em 0 .2em; font-size: 1.1em } p { margin: .2em 0 }
pre { background: #f4f4f4; padding: 1em; overflow: auto } .advice { color: #555 }
.groups { display: flex; flex-wrap: wrap; gap: .8em; margin-top: .6em }
.group { display: flex; flex-wrap: wrap; gap: .4em; border: 1px solid #ccc; padding: .4em }
figure { margin: 0; width: min-content } img { display: block; height: 112px; background: #eee }
figcaption { font-size: 12px; overflow-wrap: anywhere; min-width: 8em } .split { color: #777 }
"""


def page(examination: Examination) -> str:
    """An HTML page without links to other files.

    Args:
        examination: What was found.
    """
    title = html.escape(examination.data.name)
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>{title}</title><style>{STYLE}</style>",
        f"<h1>{title}</h1><pre>{html.escape(examination.overview())}</pre>",
        *(_section(finding) for finding in examination.findings),
    ]
    if not examination.findings:
        parts.append("<p>Nothing was found that is wrong.</p>")
    return "\n".join(parts) + "</html>\n"


def _section(finding: Finding) -> str:
    groups = "".join(map(_group, finding.groups[:MOST_GROUPS]))
    more = len(finding.groups) - MOST_GROUPS
    return (
        f"<section><h2>{html.escape(finding.kind)}</h2><p>{html.escape(finding.about)}</p>"
        f"<p class='advice'>{html.escape(finding.advice)}</p><div class='groups'>{groups}</div>"
        + (f"<p>and {more:,} more, in the JSON</p>" if more > 0 else "")
        + "</section>"
    )


def _group(places: Iterable[Place]) -> str:
    shown = list(places)
    more = len(shown) - MOST_PHOTOS
    figures = "".join(map(_figure, shown[:MOST_PHOTOS]))
    return f"<div class='group'>{figures}{f'and {more:,} more' if more > 0 else ''}</div>"


def _figure(place: Place) -> str:
    return (
        f"<figure><img alt='' src='{thumbnail(Path(place.file))}'>"
        f"<figcaption>{html.escape(place.path)} <span class='split'>{place.split}</span>"
        "</figcaption></figure>"
    )
