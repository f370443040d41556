"""Zip archives of strangers (`.keras`, `.pth`), unpacked once their declared size is believable."""

import zipfile
from pathlib import Path

from keras_resnets._common.tables import size
from keras_resnets.errors import UserError

# What the members of an archive may hold together beyond its own size. Weights hardly compress.
BEYOND_FILE = 1 << 28
# Bytes of a list of members: 100,000 of them.
_DIRECTORY = 1 << 23
_END_RECORD = b"PK\5\6"
_END_RECORD_LENGTH = 22
_COMMENT = 1 << 16  # the longest, behind the end record
_ENCRYPTED = 0x1
# LZMA's dictionary may be 4 GB, whatever the member's size.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_archive(path: Path) -> zipfile.ZipFile:
    """Opens a zip archive whose members may all be read without harm.

    Raises:
        UserError: Where its members are too many, encrypted, compressed by an unusual method, or
            together larger than the file can honestly hold.
        zipfile.BadZipFile: Where the file is no archive.
    """
    _check_directory(path)
    archive = zipfile.ZipFile(path)
    try:
        _check_members(path, archive)
    except BaseException:
        archive.close()
        raise
    return archive


def _check_directory(path: Path) -> None:
    """Refuses an endless list of members: `zipfile` reads it whole when it opens the archive."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        file.seek(max(0, length - _COMMENT - _END_RECORD_LENGTH))
        tail = file.read()
    start = tail.rfind(_END_RECORD)
    record = tail[start : start + _END_RECORD_LENGTH] if start >= 0 else b""
    if len(record) < _END_RECORD_LENGTH:
        raise zipfile.BadZipFile("its list of members, at the end, is missing")
    directory = int.from_bytes(record[12:16], "little")
    # 0xFFFFFFFF stands for a number in a longer record, for archives over 4 GB.
    if directory > _DIRECTORY and not (directory == 0xFFFFFFFF and length >= 0xFFFFFFFF):
        raise UserError(
            f"{path} was refused: the list of its members has {size(directory)}, for a handful of "
            "files. Download or save it again."
        )


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    for member in members:
        if member.flag_bits & _ENCRYPTED:
            raise UserError(f"{path} was refused: {member.filename!r} in it is encrypted.")
        if member.compress_type not in _METHODS:
            raise UserError(
                f"{path} was refused: {member.filename!r} in it is compressed by method "
                f"{member.compress_type}. Expected stored or deflated."
            )
    whole, declared = path.stat().st_size, sum(member.file_size for member in members)
    if declared > whole + BEYOND_FILE:
        raise UserError(
            f"{path} was refused: a file of {size(whole)} declares {size(declared)} of content. "
            "Download or save it again."
        )
