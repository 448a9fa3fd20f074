"""Opening an archive from a stranger: what it claims is checked before anything of it is unpacked.

What the directory says of sizes bounds the memory, as long as members are read by `member_bytes` or piece by piece:
`ZipFile.read` unpacks a member whole before it looks at the size that the directory gave.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from engagerr.core.errors import InvalidInput

_TAIL_BYTES = 66_000  # the end record, its comment of up to 64 KiB, and the 64-bit records before it
_BYTES_PER_ENTRY = 400  # of the directory; long paths have 150
_SMALL_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """What an archive may hold: members in all, bytes of the wanted members together, and bytes out for one byte in."""

    members: int
    wanted_bytes: int
    ratio: int = 200

    def check(self, name: str, wanted: list[zipfile.ZipInfo]) -> None:
        """Refuse (`InvalidInput`) wanted members that unpack to too much; small ones may be of any ratio."""
        unpacked = sum(info.file_size for info in wanted)
        if unpacked > self.wanted_bytes:
            raise InvalidInput(
                f"{name} unpacks to {unpacked / 1e6:,.0f} MB; up to {self.wanted_bytes / 1e6:,.0f} MB are read.",
                hint="Export a shorter period, and import the file as it came.",
            )
        for info in wanted:
            if info.file_size > _SMALL_BYTES and info.file_size > self.ratio * max(info.compress_size, 1):
                raise InvalidInput(
                    f"{name}: {info.filename[:100]} unpacks to {info.file_size / 1e6:,.0f} MB, far more than its size "
                    "allows.",
                    hint="This is no export as a platform makes it; download it again from there.",
                )


@contextmanager
def opened_zip(file: BinaryIO, name: str, limits: ZipLimits) -> Iterator[zipfile.ZipFile]:
    """The archive in `file`; every fault of it, then or while it is read, becomes `InvalidInput`."""
    try:
        members, directory_bytes = _directory(file)
        if members > limits.members or directory_bytes > limits.members * _BYTES_PER_ENTRY:
            raise InvalidInput(
                f"{name} lists {members:,} files; up to {limits.members:,} are looked at.",
                hint="Import the file as the platform made it, without adding to it.",
            )
        with zipfile.ZipFile(file) as archive:
            if len(archive.infolist()) > limits.members:
                raise zipfile.BadZipFile("its directory is longer than it says")
            yield archive
    except RuntimeError as error:  # what zipfile raises for a password
        raise InvalidInput(
            f"{name} is encrypted.", hint="Unpack it with its password, or download it again without one."
        ) from error
    except (
        zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, ValueError, KeyError, OSError,
    ) as error:  # fmt: skip
        raise InvalidInput(
            f"{name} is damaged or not a whole zip ({error}).",
            hint="Download the export again; an interrupted download is the usual cause.",
        ) from error


def member_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member whole, and never more of it than the directory says; one that holds more fails its checksum."""
    with archive.open(info) as member:
        return member.read(info.file_size)


def _directory(file: BinaryIO) -> tuple[int, int]:
    """How many members the archive claims, and the bytes of its directory, without reading the directory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0:
        raise zipfile.BadZipFile("it has no end record")
    members, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    large = tail.rfind(b"PK\x06\x06", 0, at)
    if large >= 0 and tail.rfind(b"PK\x06\x07", 0, at) >= 0:
        members, directory_bytes = struct.unpack_from("<QQ", tail, large + 32)
    return members, directory_bytes
