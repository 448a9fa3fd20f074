"""The audit log to look through: who did what to what, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry. `member` is who did it; None is Engagerr itself. `detail` are the facts as they were written."""

    sequence: int
    at: datetime
    member: str | None
    action: str
    subject: str
    detail: dict[str, Any]


def audit_log(work: Workspace, *, before: int | None = None, limit: int = 500) -> tuple[AuditRow, ...]:
    """The newest entries, or those before the entry `before`; at most `limit` of them."""
    with work.access.transaction(Permission.READ_AUDIT) as session:
        rows = session.execute(
            text(
                """
                SELECT entry.sequence, entry.at, members.name AS member, entry.action, entry.subject, entry.detail
                FROM audit_log entry
                LEFT JOIN members ON members.tenant_id = entry.tenant_id AND members.id = entry.member_id
                WHERE entry.tenant_id = :tenant_id AND (CAST(:before AS bigint) IS NULL OR entry.sequence < :before)
                ORDER BY entry.sequence DESC
                LIMIT :limit
                """
            ),
            {"tenant_id": work.tenant.id, "before": before, "limit": limit},
        ).all()
    return tuple(AuditRow(*row) for row in rows)
