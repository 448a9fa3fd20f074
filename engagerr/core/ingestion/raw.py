"""Raw payloads: the file as it was sent, compressed in pieces, before we understood it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from engagerr.core.db import Session
    from engagerr.core.integrations.formats.source import Source

_PIECE_BYTES = 4 * 1024 * 1024
# Level 1 keeps up with the disk; numbers and JSON still shrink to a tenth.
_LEVEL = 1


def keep_raw(session: Session, *, tenant_id: UUID, import_id: UUID | None, source: Source, rows: int) -> str:
    """Store the whole file and return its SHA-256 as read.

    For line-based files a piece names the lines it holds (a line cut in two is named by both); for others, all rows.
    """
    import zstandard

    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    digest = hashlib.sha256()
    by_lines = source.head.lstrip()[:1] == b"{" and b"\n{" in source.head
    first = 1
    with source.open() as file:
        sequence = 0
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            last = first + piece.count(b"\n") if by_lines else max(rows, 1)
            session.execute(
                text(
                    "INSERT INTO raw_payloads (tenant_id, import_id, sequence, first_row, last_row, encoding, body)"
                    " VALUES (:tenant_id, :import_id, :sequence, :first_row, :last_row, 'zstd', :body)"
                ),
                {
                    "tenant_id": tenant_id, "import_id": import_id, "sequence": sequence, "first_row": first,
                    "last_row": last, "body": compressor.compress(piece),
                },
            )  # fmt: skip
            first = last if by_lines else 1
            sequence += 1
    return digest.hexdigest()


def keep_bytes(session: Session, *, tenant_id: UUID, import_id: UUID, body: bytes, rows: int) -> None:
    """Store a small payload, whole."""
    import zstandard

    session.execute(
        text(
            "INSERT INTO raw_payloads (tenant_id, import_id, sequence, first_row, last_row, encoding, body)"
            " VALUES (:tenant_id, :import_id, 0, 1, :rows, 'zstd', :body)"
        ),
        {
            "tenant_id": tenant_id, "import_id": import_id, "rows": max(rows, 1),
            "body": zstandard.ZstdCompressor(level=_LEVEL).compress(body),
        },
    )  # fmt: skip


def read_raw(session: Session, *, tenant_id: UUID, import_id: UUID) -> bytes:
    """The file of an import, as it was sent."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    return b"".join(
        decompressor.decompress(body)
        for body in session.execute(
            text(
                "SELECT body FROM raw_payloads"
                " WHERE tenant_id = :tenant_id AND import_id = :import_id ORDER BY sequence"
            ),
            {"tenant_id": tenant_id, "import_id": import_id},
        ).scalars()
    )
