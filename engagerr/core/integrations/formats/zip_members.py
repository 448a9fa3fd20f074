"""The zips of data that platforms hand out: the members that are wanted, found by name and read within limits.

A member's name is only looked at and never used as a path. Members that nobody asks for (a Takeout's videos, an
archive's pictures) are not unpacked, so a zip may be larger than what is read of it.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import IO

from engagerr.core.integrations.formats.bounded_zip import ZipLimits, opened_zip
from engagerr.core.integrations.formats.csv_text import Opener
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Source

LIMITS = ZipLimits(members=200_000, wanted_bytes=MAX_WHOLE_BYTES)


def is_zip(source: Source) -> bool:
    """Whether the file begins as a zip does."""
    return source.head.startswith(b"PK\x03\x04")


def base_name(info: zipfile.ZipInfo) -> str:
    """A member's name without its folders, in lower case."""
    return PurePosixPath(info.filename.replace("\\", "/")).name.casefold()


def members(source: Source, wanted: Callable[[zipfile.ZipInfo], bool]) -> list[zipfile.ZipInfo]:
    """The members that are wanted, in the order of the archive.

    Raises `InvalidInput` for a damaged archive, and where what is wanted would unpack to more than an export holds.
    """
    with source.open() as file, opened_zip(file, source.name, LIMITS) as archive:
        found = [info for info in archive.infolist() if not info.is_dir() and wanted(info)]
    LIMITS.check(source.name, found)
    return found


def opener(source: Source, member: zipfile.ZipInfo) -> Opener:
    """Opens the member anew at each call, at its first byte."""

    def opened() -> IO[bytes]:
        # Leaving the archive closes it; the member keeps the file open until it is closed itself.
        with zipfile.ZipFile(source.path) as archive:
            return archive.open(member)

    return opened


def read_member(source: Source, member: zipfile.ZipInfo) -> bytes:
    """The whole member; `InvalidInput` where it is encrypted or damaged."""
    with source.open() as file, opened_zip(file, source.name, LIMITS) as archive:
        return archive.read(member)


def head_of(source: Source, member: zipfile.ZipInfo, size: int = 64 * 1024) -> bytes:
    """The member's first bytes; nothing where they cannot be had."""
    if member.flag_bits & 0x1:
        return b""
    try:
        with opener(source, member)() as file:
            return file.read(size)
    except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError):
        return b""
