"""What photos look like at a glance, kept from one command to the next: each is decoded once for it."""

import contextlib
import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from keras_resnets._common.files import keras_home
from keras_resnets.photos import Look, checked_look, decoding, looking

HASHES = {"hash", "mirrored"}  # 64 bits without a sign, which SQLite's integers do not hold
TABLE = f"CREATE TABLE IF NOT EXISTS looks (sha256 PRIMARY KEY, maker, {', '.join(Look._fields)})"
QUERY = f"SELECT {', '.join(Look._fields)} FROM looks WHERE sha256 = ?"
ENTRY = f"INSERT OR REPLACE INTO looks VALUES ({', '.join('?' * (2 + len(Look._fields)))})"


class Looks:
    """Looks at photos, and finds again what was seen of the same content. Threads may share one.

    Args:
        database: Where looks are kept; `None` where they are not.
        maker: What a look depends on besides the file.
    """

    def __init__(self, database: sqlite3.Connection | None = None, maker: str = ""):
        self._database = database
        self._maker = maker
        self._in_use = threading.Lock()
        self._new: dict[str, Look] = {}

    def at(self, content: bytes) -> tuple[str, Look | str]:
        """The sha256 of a file's content, and what it looks like, or why it cannot be used.

        Example:
            >>> Looks().at(b"")[1]
            'an empty file'
        """
        sha256 = hashlib.sha256(content).hexdigest()
        found = self._kept(sha256)
        if found is not None:
            return sha256, found
        seen = checked_look(content)
        if isinstance(seen, Look):
            self._new[sha256] = seen
        return sha256, seen

    def close(self) -> None:
        """Writes down what was seen for the first time; nothing is found again after it."""
        if self._database is None:
            return
        rows = [[sha256, self._maker, *_row(look)] for sha256, look in self._new.items()]
        with contextlib.suppress(sqlite3.Error), self._database:
            self._database.executemany(ENTRY, rows)
        self._database.close()
        self._database = None

    def _kept(self, sha256: str) -> Look | None:
        if self._database is None:
            return None
        with self._in_use, contextlib.suppress(sqlite3.Error):
            row = self._database.execute(QUERY, (sha256,)).fetchone()
            return _look(row) if row else None
        return None


@contextlib.contextmanager
def kept_looks() -> Iterator[Looks]:
    """Looks as `$KERAS_HOME/keras-resnets/looks.sqlite3` keeps them, by default in `~/.keras`.

    Those of another Pillow, ImageHash or version of this package are let go. Where the file cannot be
    read or written nothing is kept, which costs time alone.
    """
    looks = _opened()
    try:
        yield looks
    finally:
        looks.close()


def _opened() -> Looks:
    """The looks of today's libraries; none are kept where there is no place for them."""
    database, path = None, None
    try:
        path = keras_home() / "keras-resnets" / "looks.sqlite3"
        path.parent.mkdir(parents=True, exist_ok=True)
        maker = _maker()
        database = sqlite3.connect(path, check_same_thread=False)
        with database:
            database.execute(TABLE)
            database.execute("DELETE FROM looks WHERE maker != ?", (maker,))
        return Looks(database, maker)
    except (OSError, RuntimeError, sqlite3.Error) as error:  # `RuntimeError`: a user without a home
        if database is not None:
            database.close()
        if path is not None and _is_damaged(error):
            with contextlib.suppress(OSError):
                path.unlink()
        return Looks()


def _is_damaged(error: Exception) -> bool:
    """Whether a file is no database; locked, full or read-only ones are an `OperationalError`."""
    is_operational = isinstance(error, sqlite3.OperationalError)
    return isinstance(error, sqlite3.DatabaseError) and not is_operational


def _maker() -> str:
    """What a look depends on besides the file: two libraries, and this package's own code."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (decoding, looking)]
    libraries = [f"{name} {metadata.version(name)}" for name in ("pillow", "imagehash")]
    return ", ".join([*libraries, *(f"{zlib.crc32(source):08x}" for source in sources)])


def _row(look: Look) -> list[Any]:
    return [
        value.to_bytes(8, "big") if name in HASHES else value
        for name, value in look._asdict().items()
    ]


def _look(row: tuple[Any, ...]) -> Look:
    fields = dict(zip(Look._fields, row, strict=True))
    return Look(**fields | {name: int.from_bytes(fields[name], "big") for name in HASHES})
