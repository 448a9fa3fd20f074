"""Rows that could not be used: kept beside their import, with the reason and how to mend them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from engagerr.core.integrations.records import Rejection

if TYPE_CHECKING:
    from engagerr.core.db import Session


def quarantine(session: Session, *, tenant_id: UUID, import_id: UUID | None, rejections: tuple[Rejection, ...]) -> None:
    """Keep what could not be used, with the reason."""
    if not rejections:
        return
    session.execute(
        text(
            'INSERT INTO quarantined_rows (tenant_id, import_id, sequence, "row", part, column_name, value, reason,'
            " fix) VALUES (:tenant_id, :import_id, :sequence, :row, :part, :column, :value, :reason, :fix)"
        ),
        [
            {
                "tenant_id": tenant_id, "import_id": import_id, "sequence": sequence, "row": bad.row,
                "part": bad.part, "column": bad.column, "value": (bad.value or "").replace("\x00", "")[:2000],
                "reason": bad.reason, "fix": bad.fix,
            }
            for sequence, bad in enumerate(rejections)
        ],
    )  # fmt: skip


def rejection_of(row: Any) -> Rejection:
    """A kept row as the parser gave it."""
    return Rejection(row.row, row.column_name, row.value or None, row.reason, row.fix, row.part)
