"""A CSV file that says which labels photos have: read, checked, and met with what lies in a folder."""

import csv
import io
import posixpath
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from keras_resnets.data._layout import SPLIT_OF, split_of
from keras_resnets.data._tree import Folder, readable, readable_path
from keras_resnets.errors import MissingFile, UserError, near_miss

# Names of columns, in lower case.
FILE = ("file", "filename", "file_name", "image", "photo", "path")
ONE, MANY, SPLIT = "label", "labels", "split"
BETWEEN = ";"  # labels of one photo
ANSWERS = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
RULE = (
    "a CSV with a column `file` and a column `label`, or `labels` with `;` between them, or one column "
    "of 0 and 1 for each class; a column `split` may say train, validation or test"
)
MOST_NAMED = 10


class Row(NamedTuple):
    """What is said of one photo.

    Attributes:
        line: Number of the line that it ends in.
        file: Path of the photo from the folder, with slashes.
        labels: Names of its classes, sorted, each once; none where no label holds.
        split: `"train"`, `"validation"` or `"test"`; `None` where the file says none.
    """

    line: int
    file: str
    labels: tuple[str, ...]
    split: str | None


class LabelFile(NamedTuple):
    """A CSV file of labels.

    Attributes:
        path: Path of the file.
        rows: The photos in the file's order.
        class_names: Names of all classes, sorted.
        multi_label: Whether a photo has any number of them.

    Example:
        >>> LabelFile(Path("labels.csv"), (), ("cat", "dog"), multi_label=True).class_names
        ('cat', 'dog')
    """

    path: Path
    rows: tuple[Row, ...]
    class_names: tuple[str, ...]
    multi_label: bool


class Columns(NamedTuple):
    """Where in a row what stands, by index; `None` where there is no such column."""

    file: int
    split: int | None
    label: int | None
    labels: int | None
    classes: Mapping[int, str]


def read_labels(path: Path) -> LabelFile:
    """Reads a CSV of labels, as `open_data` describes it.

    Args:
        path: Path of the file: UTF-8 or UTF-16, any line ends, `,`, `;` or tabs between the columns.

    Raises:
        MissingFile: Where there is no such file.
        UserError: Where it is no such CSV, with the line that is wrong.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        ...     _ = file.write("file,labels\\na.jpg,cat;dog\\nb.jpg,\\n")
        ...     file.flush()
        ...     found = read_labels(Path(file.name))
        >>> [row.labels for row in found.rows], found.class_names, found.multi_label
        ([('cat', 'dog'), ()], ('cat', 'dog'), True)
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "which does not exist"
        raise MissingFile(f"Expected {RULE}. Received: {path}, {found}.")
    header, records = _records(path, _text(path))
    columns = _columns(path, header)
    rows = tuple(_row(path, line, cells, columns) for line, cells in records)
    if not rows:
        raise UserError(f"Expected {RULE}. Received: {path} with a header and no photos.")
    names = sorted(set(columns.classes.values()) or {name for row in rows for name in row.labels})
    if len(names) < 2:
        raise UserError(
            f"Expected at least two classes in {path}. Received: {names}. For one question, yes or no, "
            "write a column `label` with a name for each answer."
        )
    return LabelFile(path, rows, tuple(names), multi_label=columns.label is None)


def located(
    labels: LabelFile, root: Path, tree: Folder, passed_over: Mapping[Path, str]
) -> tuple[list[tuple[Path, Row]], dict[Path, str]]:
    """The photos that a file of labels speaks of, and those of the folder that it does not.

    Args:
        labels: The file's content.
        root: The folder that names are relative to.
        tree: The folder as it was read.
        passed_over: Files in it that are no photos, with the reason.

    Raises:
        UserError: Where a photo is not there, or has two rows.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for photo in tree.all_photos:
        by_name[readable_path(photo, root)].append(photo)
    found: list[tuple[Path, Row]] = []
    missing: list[Row] = []
    for row in labels.rows:
        paths = next((by_name[name] for name in _spellings(row.file) if name in by_name), [])
        if len(paths) > 1:
            raise UserError(
                f"Expected one file for each name. Received: {row.file!r} in line {row.line} of "
                f"{labels.path}, as which {len(paths)} files are read, written with other bytes. "
                "Rename one."
            )
        if paths:
            found.append((paths[0], row))
        else:
            missing.append(row)
    if missing:
        reasons = {readable_path(path, root): reason for path, reason in passed_over.items()}
        raise UserError(_not_there(labels, root, missing, by_name, reasons))
    _check_once(labels, found)
    listed = {path for path, _ in found}
    unlisted = [photo for photo in tree.all_photos if photo not in listed]
    return found, dict.fromkeys(unlisted, f"not in {readable(labels.path.name)}")


def _text(path: Path) -> str:
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"Expected {path} in UTF-8, or in UTF-16 with a byte order mark. Received: the byte "
            f"{content[error.start]:#04x} in line {line}. Save it as UTF-8."
        ) from None
    if "\0" in text:
        raise UserError(
            f"Expected {path} in UTF-8, or in UTF-16 with a byte order mark. Received: zero bytes. "
            "Save it as UTF-8."
        )
    return text


def _records(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows below it with the number of their last line; empty lines are none."""
    header: list[str] = []
    for delimiter in (",", ";", "\t"):
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
        )
        try:
            header = [_tidy(name) for name in next(reader, [])]
            if not any(name.lower() in FILE for name in header) or len(header) < 2:
                continue
            records = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
        except csv.Error as error:
            raise UserError(
                f"Expected CSV in {path}. Received: {error} in line {reader.line_num}. A name with a "
                'quote in it is written "a ""b"" c.jpg".'
            ) from None
        for line, cells in records:
            if len(cells) != len(header):
                raise UserError(
                    f"Expected {len(header)} columns in each line of {path}, as its header has. "
                    f"Received: {len(cells)} in line {line}. What holds a {delimiter!r} stands in "
                    'quotes: "a, b.jpg".'
                )
        return header, records
    first = text.splitlines()[0] if text.strip() else "an empty file"
    raise UserError(f"Expected {RULE}. Received: {path} that begins with: {first[:200]}")


def _columns(path: Path, header: Sequence[str]) -> Columns:
    """What the columns are for.

    Raises:
        UserError: Where that cannot be told.
    """
    lower = [name.lower() for name in header]
    twice = [name for name, count in Counter(lower).items() if count > 1]
    if twice or "" in lower:
        what = f"two called {twice[0]!r}" if twice and twice[0] else "one without a name"
        raise UserError(
            f"Expected columns of {path} with a name each. Received: {what}. (pandas writes its index "
            "so: to_csv(…, index=False).)"
        )
    files = [name for name in lower if name in FILE]
    answers = [name for name in lower if name in (ONE, MANY)]
    others = {
        index: header[index]
        for index, name in enumerate(lower)
        if name not in (*FILE, ONE, MANY, SPLIT)
    }
    wrong = len(files) != 1 or len(answers) > 1 or bool(answers) == bool(others)
    if wrong:
        hint = f" Take out {', '.join(map(repr, others.values()))}." if answers and others else ""
        raise UserError(f"Expected {RULE}. Received: {path} with the columns {list(header)}.{hint}")

    def index_of(name: str) -> int | None:
        return lower.index(name) if name in lower else None

    return Columns(lower.index(files[0]), index_of(SPLIT), index_of(ONE), index_of(MANY), others)


def _row(path: Path, line: int, cells: Sequence[str], columns: Columns) -> Row:
    def refuse(rule: str, received: str, way_out: str) -> UserError:
        return UserError(
            f"Expected {rule} in {path}. Received: {received} in line {line}. {way_out}"
        )

    file = cells[columns.file]
    if not file.strip():
        raise refuse("the name of a photo in each line", "none", "Take the line out.")
    split = None
    if columns.split is not None:
        split = split_of(cells[columns.split])
        if split not in ("train", "validation", "test"):
            raise refuse(
                "train, validation or test in the column `split`",
                repr(cells[columns.split]),
                near_miss(cells[columns.split], SPLIT_OF),
            )
    if columns.label is not None:
        label = _tidy(cells[columns.label])
        if not label:
            raise refuse(
                "a label in each line",
                "none",
                "Take the line out; photos that show none of the classes want a column `labels`.",
            )
        return Row(line, file, (label,), split)
    if columns.labels is not None:
        labels = {_tidy(name) for name in cells[columns.labels].split(BETWEEN)} - {""}
        return Row(line, file, tuple(sorted(labels)), split)
    holds = []
    for index, name in columns.classes.items():
        answer = ANSWERS.get(cells[index].strip().lower())
        if answer is None:
            raise refuse(
                f"0 or 1 in the column {name!r}, a class since there is no column `label` or `labels`",
                repr(cells[index]),
                "Call a column of names `label`, or `labels`; take out one that is neither.",
            )
        if answer:
            holds.append(name)
    return Row(line, file, tuple(sorted(holds)), split)


def _tidy(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _spellings(name: str) -> Iterable[str]:
    """A name as it may stand in the folder: as it is, and as other systems and tools write paths."""
    composed = unicodedata.normalize("NFC", name)
    yield composed
    yield posixpath.normpath(composed)
    yield posixpath.normpath(composed.replace("\\", "/"))


def _not_there(
    labels: LabelFile,
    root: Path,
    missing: Sequence[Row],
    there: Iterable[str],
    reasons: Mapping[str, str],
) -> str:
    named = []
    for row in missing[:MOST_NAMED]:
        reason = next((reasons[name] for name in _spellings(row.file) if name in reasons), "")
        named.append(f"{row.file!r} in line {row.line}" + (f" ({reason})" if reason else ""))
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    known = {_plain(name): name for name in there}
    near = next((known[_plain(row.file)] for row in missing if _plain(row.file) in known), None)
    hint = f"Did you mean {near!r}? " if near else ""
    return (
        f"Expected the photos of {labels.path} in {readable(str(root))}, to which its names are "
        f"relative. Received: {len(missing)} of {len(labels.rows)} that are not there: "
        f"{', '.join(named)}{more}. {hint}Take out the lines of photos that are gone, or name the "
        "folder that they lie in."
    )


def _plain(name: str) -> str:
    """What is left of a name without its folders, its suffix and the case of its letters."""
    return Path(name.replace("\\", "/")).stem.strip().lower()


def _check_once(labels: LabelFile, found: Iterable[tuple[Path, Row]]) -> None:
    lines: dict[Path, list[Row]] = defaultdict(list)
    for path, row in found:
        lines[path].append(row)
    twice = [rows for rows in lines.values() if len(rows) > 1]
    if twice:
        first = twice[0]
        said = " and ".join(
            f"{', '.join(row.labels) or 'no label'} in line {row.line}" for row in first
        )
        raise UserError(
            f"Expected one line a photo in {labels.path}. Received: {len(twice)} photos with more, such "
            f"as {first[0].file!r}: {said}. Take out one of them; several labels of a photo stand in "
            f"one line, in a column `labels`, with `{BETWEEN}` between them."
        )
