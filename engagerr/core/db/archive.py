"""The file that holds a retired month of observations: rows as binary COPY has them, compressed, beside a manifest."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from engagerr.core.db.embedded.files import make_folder, write_file
from engagerr.core.errors import Conflict, InvalidInput, NotFound, Unavailable

FORMAT = "engagerr.observations/1"
_BLOCK_BYTES = 1 << 20
_SUFFIX = ".pgcopy.zst"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive file holds. `sha256` is that of the rows before they were compressed:
    `zstd -dc FILE | sha256sum` gives it. `revision` is the schema that they were written by."""

    month: date
    rows: int
    sha256: str
    columns: tuple[str, ...]
    revision: str
    file: str

    def document(self) -> dict[str, Any]:
        """As it is written beside the file."""
        return {
            "format": FORMAT, "month": f"{self.month:%Y-%m}", "rows": self.rows, "sha256": self.sha256,
            "columns": list(self.columns), "revision": self.revision, "file": self.file,
        }  # fmt: skip


def archive_folder(home: Path) -> Path:
    """Where a home keeps retired months."""
    return home / "archive"


def write_archive(
    folder: Path,
    *,
    month: date,
    blocks: Iterable[Any],
    columns: tuple[str, ...],
    revision: str,
    rows: int,
) -> Manifest:
    """Write the rows of a month, read them back from the disk, and only then give the file its name.

    `blocks` are what `COPY … TO STDOUT (FORMAT binary)` sends, in any pieces; `rows` is how many rows that is. The name
    carries the rows' hash, so that no file ever takes the place of another one's.
    """
    import zstandard

    beside = folder / f".{_stem(month)}.{secrets.token_hex(4)}"
    written = hashlib.sha256()
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_folder(folder, 0o700)
        for left_over in folder.glob(f".{_stem(month)}.*"):
            left_over.unlink(missing_ok=True)  # of a run that was killed; one run at a time works on months
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(file, closefd=False) as packed:
                for block in _in_large_pieces(blocks):
                    written.update(block)
                    packed.write(block)
            file.flush()
            os.fsync(file.fileno())
        digest = written.hexdigest()
        for _ in _unpacked(beside, digest):
            pass
        path = folder / f"{_stem(month)}-{digest[:12]}{_SUFFIX}"
        beside.rename(path)
    except OSError as error:
        raise Unavailable(
            f"The archive of {month:%Y-%m} cannot be written to {folder}: {error.strerror}.",
            hint="Make room, then run it again. Nothing was lost.",
            facts={"month": f"{month:%Y-%m}", "folder": str(folder)},
        ) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    manifest = Manifest(month, rows, digest, columns, revision, path.name)
    _keep(manifest, path)
    return manifest


def read_manifest(path: Path) -> Manifest:
    """The manifest beside an archive file; `NotFound` and `InvalidInput` say what is wrong with it."""
    import msgspec

    beside = manifest_path(path)
    for needed in (path, beside):
        if not needed.is_file():
            raise NotFound(
                f"There is no file {needed}.",
                hint="Bring file and manifest from where the month was retired, and name the file with --file.",
                facts={"path": str(needed)},
            )
    unreadable = InvalidInput(f"{beside} is not a manifest of Engagerr's.", hint="Bring the one that was written.")
    try:
        said = msgspec.json.decode(beside.read_bytes())
        if said["format"] != FORMAT:
            raise unreadable
        return Manifest(
            date.fromisoformat(f"{said['month']}-01"), int(said["rows"]), str(said["sha256"]),
            tuple(str(column) for column in said["columns"]), str(said["revision"]), path.name,
        )  # fmt: skip
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise unreadable from error


def archived_rows(path: Path, manifest: Manifest) -> Iterator[bytes]:
    """The rows in blocks of about 1 MB; `Conflict` unless they are those of the manifest."""
    for _ in _unpacked(path, manifest.sha256):  # before the first block is used: PostgreSQL would blame a bad row
        pass
    return _unpacked(path, manifest.sha256)


def remove_archive(path: Path) -> None:
    """Remove an archive file and its manifest, if they are there."""
    manifest_path(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def manifest_path(path: Path) -> Path:
    """Where the manifest of an archive file stands."""
    return path.with_name(path.name.removesuffix(_SUFFIX) + ".json")


def _stem(month: date) -> str:
    return f"metric_observations-{month:%Y-%m}"


def _in_large_pieces(blocks: Iterable[Any]) -> Iterator[bytes]:
    """COPY sends a row a message; a hash and a compressor would be called two million times."""
    waiting: list[Any] = []
    size_bytes = 0
    for block in blocks:
        waiting.append(block)
        size_bytes += len(block)
        if size_bytes >= _BLOCK_BYTES:
            yield b"".join(waiting)
            waiting, size_bytes = [], 0
    if waiting:
        yield b"".join(waiting)


def _unpacked(path: Path, sha256: str) -> Iterator[bytes]:
    import zstandard

    read = hashlib.sha256()
    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as rows:
            while block := rows.read(_BLOCK_BYTES):
                read.update(block)
                yield block
    except zstandard.ZstdError as error:
        raise _damaged(path, str(error)) from error
    if read.hexdigest() != sha256:
        raise _damaged(path, "it does not hold the rows that its manifest tells of")


def _damaged(path: Path, reason: str) -> Conflict:
    return Conflict(
        f"{path} is damaged: {reason}.", hint="Bring a copy of it from a backup.", facts={"path": str(path)}
    )


def _keep(manifest: Manifest, path: Path) -> None:
    """The manifest comes last: a file with one is whole."""
    import msgspec

    write_file(manifest_path(path), msgspec.json.format(msgspec.json.encode(manifest.document()), indent=2).decode())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # so that the names outlive a crash, too
    finally:
        os.close(folder)
