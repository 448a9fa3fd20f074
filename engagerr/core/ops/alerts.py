"""What went wrong becomes one task a person can see to, and is closed when it works again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from engagerr.core.events import Event, Subscriber, open_task, resolve_tasks

if TYPE_CHECKING:
    from engagerr.core.db import Session

_KINDS = frozenset(
    {
        "grant.connected", "grant.lost", "grant.revoked", "sync.failed", "sync.recovered", "job.failed",
        "job.recovered",
    }
)  # fmt: skip


def _see_to_it(session: Session, tenant_id: UUID, events: Sequence[Event], now: datetime) -> int:
    names = {
        row.id: f"{row.platform}:{row.handle}"
        for row in session.execute(
            text("SELECT id, platform, handle FROM accounts WHERE tenant_id = :tenant_id AND id = ANY (:ids)"),
            {"tenant_id": tenant_id, "ids": list({event.about for event in events})},
        )
    }
    opened = 0
    for event in events:
        name = names.get(event.about, "the workspace")
        detail = event.detail
        if event.kind in {"grant.connected", "grant.revoked"}:
            for kind in ("grant.lost", "sync.failed"):
                resolve_tasks(session, tenant_id=tenant_id, kind=kind, about=event.about, now=now)
        elif event.kind == "sync.recovered":
            resolve_tasks(
                session, tenant_id=tenant_id, kind="sync.failed", about=event.about, now=now,
                subject=f"{name} {detail['stream']}",
            )  # fmt: skip
        elif event.kind == "job.recovered":
            resolve_tasks(
                session, tenant_id=tenant_id, kind="job.failed", about=event.about, now=now, subject=detail["job"]
            )
        else:
            kind, subject, message, hint = _words(event, name)
            opened += open_task(
                session, tenant_id=tenant_id, kind=kind, about=event.about, subject=subject, message=message, hint=hint,
                now=now,
            )  # fmt: skip
    return opened


def _words(event: Event, name: str) -> tuple[str, str, str, str]:
    detail = event.detail
    if event.kind == "grant.lost":
        return (
            "grant.lost",
            name,
            f"Reconnect {name}: {detail['connector']} no longer accepts the authorisation ({detail['reason']}).",
            f"engagerr platform connect {detail['connector']} --account {name}",
        )
    if event.kind == "job.failed":
        return (
            "job.failed",
            detail["job"],
            f"The job {detail['job']} failed: {detail['error']}",
            f"engagerr job run {detail['job']}",
        )
    return (
        "sync.failed",
        f"{name} {detail['stream']}",
        f"{detail['stream']} of {name} cannot be synced: {detail['error']}",
        detail.get("hint") or f"engagerr sync retry --account {name}",
    )


ALERTS = Subscriber("alerts", "opens and closes tasks for people", _KINDS, _see_to_it)
