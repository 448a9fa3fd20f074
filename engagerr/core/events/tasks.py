"""Tasks: what a person should see to, open once however often it happens, closed when it is mended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

if TYPE_CHECKING:
    from engagerr.core.db import Session


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done by a person: "reconnect instagram:@ann", and with which command."""

    id: UUID
    kind: str
    subject: str
    message: str
    hint: str
    opened_at: datetime


def open_task(
    session: Session,
    *,
    tenant_id: UUID,
    kind: str,
    about: UUID,
    subject: str,
    message: str,
    hint: str,
    now: datetime,
) -> bool:
    """Open a task, or bring the words of the open one up to date; true if it is new."""
    made: bool = session.execute(
        text(
            """
            INSERT INTO tasks (tenant_id, kind, about, subject, message, hint, opened_at)
            VALUES (:tenant_id, :kind, :about, :subject, :message, :hint, :now)
            ON CONFLICT (tenant_id, kind, about, subject) WHERE resolved_at IS NULL
              DO UPDATE SET message = excluded.message, hint = excluded.hint
            RETURNING opened_at = :now
            """
        ),
        {
            "tenant_id": tenant_id, "kind": kind, "about": about, "subject": subject, "message": message, "hint": hint,
            "now": now,
        },
    ).scalar_one()  # fmt: skip
    return made


def resolve_tasks(
    session: Session, *, tenant_id: UUID, kind: str, about: UUID, now: datetime, subject: str | None = None
) -> int:
    """Close the open tasks of this kind about this account (and subject)."""
    return session.execute(
        text(
            "UPDATE tasks SET resolved_at = :now WHERE tenant_id = :tenant_id AND kind = :kind AND about = :about"
            " AND resolved_at IS NULL AND (CAST(:subject AS text) IS NULL OR subject = :subject)"
        ),
        {"tenant_id": tenant_id, "kind": kind, "about": about, "now": now, "subject": subject},
    ).rowcount


def open_tasks(session: Session, *, tenant_id: UUID) -> tuple[Task, ...]:
    """What is to be done, oldest first."""
    rows = session.execute(
        text(
            "SELECT id, kind, subject, message, hint, opened_at FROM tasks"
            " WHERE tenant_id = :tenant_id AND resolved_at IS NULL ORDER BY opened_at, id"
        ),
        {"tenant_id": tenant_id},
    )
    return tuple(Task(row.id, row.kind, row.subject, row.message, row.hint, row.opened_at) for row in rows)
