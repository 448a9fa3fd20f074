"""The zips of data that platforms hand out: the members that are wanted, found by name and read within limits.

A member's name is only looked at and never used as a path. Members that nobody asks for (a Takeout's videos, an
archive's pictures) are not unpacked, so a zip may be larger than what is read of it. The archive is opened once for
however many members, as its directory is read anew each time.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.formats.bounded_zip import ZipLimits, member_bytes, opened_zip
from engagerr.core.integrations.formats.source import MAX_WHOLE_BYTES, Source

_LIMITS = ZipLimits(members=200_000, wanted_bytes=MAX_WHOLE_BYTES)
_UNREADABLE = (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError)
_MOST_WANTED = 5_000  # a Takeout has a CSV a playlist


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
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        found = [info for info in archive.infolist() if not info.filename.endswith("/") and wanted(info)]
    if len(found) > _MOST_WANTED:
        raise InvalidInput(
            f"{source.name} holds {len(found):,} files of the kind that is read; an export has fewer than "
            f"{_MOST_WANTED:,}.",
            hint="Unpack it and import the files that you mean.",
        )
    _LIMITS.check(source.name, found)
    return found


def contents(source: Source, wanted: Iterable[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Each of these members whole, one at a time; `InvalidInput` where one is encrypted or damaged."""
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        for info in wanted:
            yield info, member_bytes(archive, info)


def heads(
    source: Source, wanted: Iterable[zipfile.ZipInfo], size: int = 64 * 1024
) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Each of these members with its first bytes; with none where they cannot be had."""
    with source.open() as file, opened_zip(file, source.name, _LIMITS) as archive:
        for info in wanted:
            head = b""
            if not info.flag_bits & 0x1:
                with suppress(*_UNREADABLE), archive.open(info) as member:
                    head = member.read(size)
            yield info, head
