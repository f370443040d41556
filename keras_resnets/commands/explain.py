"""Show why photos were given their classes: heat maps, and which of the network's paths answered.

For each photo a picture PHOTO.explained.png is written into the current folder, or under --output.
It does not go beside the photo, where the next training would learn from it.
"""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_resnets._common.files import check_writable
from keras_resnets._common.photos import for_each_photo
from keras_resnets._common.tables import table
from keras_resnets.errors import UserError, near_miss

if TYPE_CHECKING:
    import numpy as np

    from keras_resnets.explain.photo import Explanation

# Paths up to which each has a column of its own, and how many are named of more.
MOST_COLUMNS = 8
STRONGEST = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", metavar="MODEL", help="a run folder, a .keras file with its card, or a name"
    )
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument(
        "--weights",
        default="imagenet",
        metavar="TAG",
        help="a tag or a file, with a network's name (%(default)s)",
    )
    parser.add_argument(
        "--class",
        dest="class_name",
        metavar="NAME",
        help="the class to explain, or its number; the predicted one by default",
    )
    parser.add_argument(
        "--layer",
        metavar="NAME",
        help="a block, such as stage2_block4, or a stage, such as stage2; the last block by default",
    )
    parser.add_argument(
        "--blocks", action="store_true", help="the paths of every block, not of each stage's last"
    )
    parser.add_argument(
        "--output",
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where the pictures go; here by default",
    )
    parser.add_argument("--force", action="store_true", help="overwrite pictures")


def run(arguments: argparse.Namespace) -> int:
    pictures = _pictures(arguments.photos, arguments.output, force=arguments.force)

    from keras_resnets.card import open_model
    from keras_resnets.explain.photo import explain_photo
    from keras_resnets.explain.sheet import draw_sheet
    from keras_resnets.explain.tracing import Tracer

    model, card = open_model(arguments.model, arguments.weights)
    layer = Tracer(model).layer(arguments.layer)
    class_index = _class_index(arguments.class_name, card.class_names)

    def explain(photo: Path, content: bytes) -> None:
        explanation = explain_photo(model, card, content, class_index=class_index, layer=layer)
        if not arguments.blocks:
            shares = _last_of_each_stage(explanation.shares)
            explanation = dataclasses.replace(explanation, shares=shares)
        draw_sheet(explanation, pictures[photo])
        print(_text(photo, pictures[photo], explanation))

    return for_each_photo(arguments.photos, explain)


def _pictures(photos: Sequence[Path], folder: Path | None, *, force: bool) -> dict[Path, Path]:
    """Where each photo's picture goes, checked before the work for it is done."""
    folder = folder or Path()
    pictures = {photo: folder / f"{photo.stem}.explained.png" for photo in photos}
    files = list(pictures.values())
    twice = sorted({str(file) for file in files if files.count(file) > 1})
    if twice:
        raise UserError(
            "Expected photos whose names differ before the suffix, since each picture is named after "
            f"its photo. Received: several for {', '.join(twice)}. Explain them one by one, each "
            "into a folder of its own: --output."
        )
    if any(photo.is_file() for photo in photos):
        check_writable(folder, files, force=force)
    return pictures


def _class_index(given: str | None, names: Sequence[str]) -> int | None:
    """The class that is meant by a name, or by a number that is no name."""
    if given is None:
        return None
    found = [index for index, name in enumerate(names) if name == given]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        raise UserError(
            f"Expected a class that one alone is called. Received: {given!r}, the name of the classes "
            f"{found}. Give the number of the one that is meant."
        )
    if given.isdecimal() and int(given) < len(names):
        return int(given)
    raise UserError(
        f"Expected the name of a class, or its number from 0 to {len(names) - 1}. "
        f"Received: {given!r}. {near_miss(given, names)}"
    )


def _last_of_each_stage(shares: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
    last = {block.split("_block")[0]: block for block in shares}
    return {block: shares[block] for block in last.values()}


def _text(photo: Path, picture: Path, explanation: "Explanation") -> str:
    answer = "" if explanation.predicted else " (not what is predicted)"
    lines = [
        str(photo),
        f"  {explanation.probability:7.2%}  {explanation.class_name}{answer}",
        f"  {picture}",
    ]
    if not explanation.heat.any():
        lines.append(f"  nothing in {explanation.layer} speaks for this class")
    if explanation.shares:
        rows = _path_table(explanation.paths or "", explanation.shares).splitlines()
        lines += ["", *(f"  {row}" for row in rows), ""]
    return "\n".join(lines)


def _path_table(kind: str, shares: "Mapping[str, np.ndarray]") -> str:
    """A column a path, or where they are many the strongest of each block.

    Attention is a share of 1; what groups and scales add to the logit has a sign.
    """
    number = "{:.1%}" if kind == "split" else "{:+.1%}"
    most = max(map(len, shares.values()))
    if most <= MOST_COLUMNS:
        header = ["block", *(f"{kind} {path + 1}" for path in range(most))]
        rows = [
            [block, *(number.format(value) for value in values), *[""] * (most - len(values))]
            for block, values in shares.items()
        ]
        return table(header, rows)
    header = ["block", f"strongest {kind}s of {most}"]
    rows = []
    for block, values in shares.items():
        strongest = sorted(range(len(values)), key=lambda path: -abs(values[path]))[:STRONGEST]
        cells = [f"{path + 1}: {number.format(values[path])}" for path in strongest]
        rows.append([block, "  ".join(cells)])
    return table(header, rows, left=2)
