"""Bulk work by name: how far it came, so that it can be seen and gone on with. The answers are in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from uuid import UUID

    from engagerr.core.db import Session


class RunState(StrEnum):
    """Where bulk work stands."""

    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class RunRow:
    """Bulk work: `done` of `total` inputs have an answer; `total` is None where nobody knows how many there are."""

    name: str
    task: str
    state: RunState
    done: int
    total: int | None
    member: str | None
    started_at: datetime
    updated_at: datetime


_BEGIN = """
INSERT INTO ai_runs (tenant_id, name, task, state, done, total, member_id, started_at, updated_at)
VALUES (:tenant_id, :name, :task, 'running', 0, :total, :member_id, :now, :now)
ON CONFLICT (tenant_id, name) DO UPDATE SET state = 'running', done = 0, total = EXCLUDED.total,
  member_id = EXCLUDED.member_id, updated_at = EXCLUDED.updated_at,
  started_at = CASE WHEN ai_runs.state = 'done' THEN EXCLUDED.started_at ELSE ai_runs.started_at END
"""
_MOVE = """
UPDATE ai_runs SET state = :state, done = :done, total = CAST(:total AS int), updated_at = :now
WHERE tenant_id = :tenant_id AND name = :name
"""
_READ = """
SELECT run.name, run.task, run.state, run.done, run.total, coalesce(member.name, member.email) AS member,
       run.started_at, run.updated_at
FROM ai_runs AS run LEFT JOIN members AS member ON member.tenant_id = run.tenant_id AND member.id = run.member_id
WHERE run.tenant_id = :tenant_id ORDER BY run.updated_at DESC, run.name
"""


def begin_run(
    session: Session, *, tenant_id: UUID, member_id: UUID, name: str, task: str, total: int | None, now: datetime
) -> None:
    """Take note that this work begins, or begins again."""
    session.execute(
        text(_BEGIN),
        {"tenant_id": tenant_id, "member_id": member_id, "name": name, "task": task, "total": total, "now": now},
    )


def task_of_run(session: Session, *, tenant_id: UUID, name: str) -> str | None:
    """The task of the work of this name; None where there is none."""
    task: str | None = session.execute(
        text("SELECT task FROM ai_runs WHERE tenant_id = :tenant_id AND name = :name"),
        {"tenant_id": tenant_id, "name": name},
    ).scalar_one_or_none()
    return task


def move_run(
    session: Session, *, tenant_id: UUID, name: str, state: RunState, done: int, total: int | None, now: datetime
) -> None:
    """Take note of how far it is."""
    session.execute(
        text(_MOVE),
        {"tenant_id": tenant_id, "name": name, "state": str(state), "done": done, "total": total, "now": now},
    )


def read_runs(session: Session, *, tenant_id: UUID) -> tuple[RunRow, ...]:
    """All bulk work, the newest first."""
    return tuple(
        RunRow(row.name, row.task, RunState(row.state), row.done, row.total, row.member, row.started_at, row.updated_at)
        for row in session.execute(text(_READ), {"tenant_id": tenant_id})
    )
